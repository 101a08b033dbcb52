#![doc = include_str!("../README.md")]

pub mod access;
pub mod alarm;
pub mod approval;
pub mod backup;
pub mod break_glass;
pub mod charter;
pub mod erasure;
pub mod event;
pub mod export;
pub mod fields;
pub mod header;
pub mod import;
pub mod keys;
pub mod ledger;
pub mod limits;
pub mod page;
pub mod people;
pub mod policy;
pub mod problem;
pub mod service;
pub mod subject;
pub mod system;
pub mod time;
pub mod token;
pub mod transit;
pub mod watch;

pub use access::{
    Key, KeyCreate, KeyCreated, Principal, PrincipalCreate, PrincipalKind, PrincipalPatch, PrincipalStatus,
};
pub use alarm::{Alarm, AlarmClose, AlarmClosed, AlarmOutcome, AlarmQuery};
pub use approval::{
    Approval, ApprovalAsked, ApprovalRecently, ApprovalRequest, ApprovalSearch, ApprovalSpoken,
    ApprovalState, ApprovalVote, ApprovalWanting, ApprovalWord, SubjectMark,
};
pub use backup::{Backup, BackupRequest, BackupStore, BackupStores, Backups, Restored};
pub use break_glass::{
    BreakGlass, BreakGlassOpened, BreakGlassOutcome, BreakGlassRequest, BreakGlassReview, BreakGlassReviewed,
    BreakGlassState, Work,
};
pub use charter::{
    CharterApplied, CharterApply, CharterFile, CharterPlan, CharterPlanned, CharterSources, CharterSummary,
    CharterView,
};
pub use erasure::{EraseQuery, ErasureQuery, Hold, HoldRequest, Receipt, ReceiptKey};
pub use event::{
    Access, Actor, Disclosure, DisclosureQuery, Disclosures, Event, EventExportQuery, EventFormat, EventLine,
    EventQuery, EventSearch, Outcome, TouchedField,
};
pub use export::{ExportFormat, ExportRequest};
pub use fields::{Document, Fields, Secret};
pub use import::{
    ChunkRequest, ChunkResult, Import, ImportStart, ImportStarted, OnDuplicate, OnErased, Proposal,
    ProposeRequest,
};
pub use keys::{
    DrillAnswer, DrillRequest, DrillStarted, Drilled, KeyState, RecoveryRequest, RecoveryShares, Resealed,
    Retire, RetireRequest, Retired, Rotate, RotateRequest, Rotation,
};
pub use ledger::{
    EventProof, Ledger, LedgerCheckpoint, LedgerCheckpointQuery, LedgerCheckpoints, LedgerLog, LedgerNote,
    LedgerRecord, LedgerRecordQuery, LedgerVersion, ProvenAccesses, ProvenInLog, ProvenLeaf,
};
pub use page::{Page, PageQuery};
pub use people::{
    Account, AccountRole, Authenticator, CodeRequest, Enrolled, Identity, IdentityBegin, IdentityEnrol,
    IdentityLink, LinkCreate, LinkCreated, LogInRequest, LoggedIn, LogoutRequest, PasskeyEnrol,
    PasskeyOptions, PasswordEnrol, SentCodeBegin, SentCodeEnrol, Session, SessionsEnded, SignOnBegin,
    SignOnBegun, SignOnProvider, TotpEnrol, TotpOptions,
};
pub use policy::{Explain, Explanation, View, Views};
pub use problem::{Fault, Need, Problem, ProblemKind};
pub use service::{
    Certificate, CertificateRequest, Jwks, OauthError, OauthRevokeRequest, OauthServer, OauthToken,
    OauthTokenRequest, ProvesBy,
};
pub use subject::{
    BatchItem, BatchOperation, BatchRequest, BatchResponse, BatchResult, Deleted, RevealRequest, Revealed,
    SearchRequest, Subject, SubjectCreate, SubjectPatch, SubjectVersion,
};
pub use system::{Health, HealthState, Readiness, Status};
pub use time::Time;
pub use token::{
    DetokenizeRequest, Detokenized, InspectRequest, InspectResponse, Revocation, RevokeRequest,
    RotateTokensRequest, RotatedTokens, TokenImportRequest, TokenImportResponse, TokenQuery, TokenRequest,
    TokenResponse, TokenTerms, TokenView, TokenizeRequest, Tokenized, Unmapped,
};
pub use transit::{
    TransitCiphertext, TransitClaim, TransitDecode, TransitDecrypt, TransitDeleted, TransitEncode,
    TransitEncrypt, TransitHash, TransitHmac, TransitInput, TransitKey, TransitKeyCreate, TransitKeyListed,
    TransitKeyPatch, TransitKind, TransitMac, TransitMarshaling, TransitPlaintext, TransitRandom,
    TransitRandomBytes, TransitResponse, TransitResult, TransitRewrap, TransitRotated, TransitSign,
    TransitToken, TransitTrim, TransitValue, TransitVerify, TransitVerifyHmac, TransitVersion,
};
pub use watch::{
    Acknowledged, OwnAccess, OwnAccesses, SubjectKey, Tie, TieItem, TieKind, TieProblem, TieRequest,
    TiesRequest, TiesTold, WatchCase, WatchClose, WatchOutcome, WatchQuery, WatchState,
};
