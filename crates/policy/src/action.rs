//! The closed list of what can be asked of the server.
//!
//! An action's text is `noun.verb` and is the same word everywhere: in the charter's roles, in Cedar, in the
//! ledger, in metrics. The list is closed on purpose: an action that is not here cannot be granted, and the
//! Cedar schema is held to this list by a test. Nothing here knows who may do what.

use std::fmt;
use std::str::FromStr;

macro_rules! actions {
    ($($variant:ident = $text:literal, $doc:literal;)*) => {
        /// What a caller asks to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $(#[doc = $doc] $variant,)*
        }

        impl Action {
            /// Every action, in the order of the charter reference.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name: `noun.verb`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// What it is, as a sentence for people.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $doc),* }
            }
        }
    };
}

actions! {
    SubjectCreate = "subject.create", "Store a new customer.";
    SubjectRead = "subject.read", "Look at one customer as the caller's role shows it.";
    SubjectList = "subject.list", "Page through customers.";
    SubjectReveal = "subject.reveal", "Open fields of a customer, for a purpose and with a reason.";
    SubjectUpdate = "subject.update", "Change fields of a customer.";
    SubjectDelete = "subject.delete", "Delete a customer.";
    SubjectSearch = "subject.search", "Find customers by indexed fields.";
    SubjectHold = "subject.hold", "Keep a customer's data from being erased, for a proceeding.";
    SubjectMark = "subject.mark", "Say that it matters who looks at a customer: well known, or a colleague.";
    SubjectHistory = "subject.history", "Look at the earlier versions of a customer.";
    SubjectAccesses = "subject.accesses", "See who looked at a customer.";
    SubjectImport = "subject.import", "Bring in a file of customers.";
    SubjectExport = "subject.export", "Take out a file of customers.";
    TokenCreate = "token.create", "Hand out a token in place of a value.";
    TokenDetokenize = "token.detokenize", "Turn a token back into its value.";
    TokenRead = "token.read", "See what a token is for and what ends it; never its value.";
    TokenRevoke = "token.revoke", "End tokens before their time.";
    TokenImport = "token.import", "Take over tokens that another system made.";
    TransitManage = "transit.manage", "Make, change and end standalone keys.";
    TransitEncrypt = "transit.encrypt", "Encrypt, sign and fingerprint with a standalone key.";
    TransitDecrypt = "transit.decrypt", "Decrypt with a standalone key.";
    CharterRead = "charter.read", "Read the charter in force and its history.";
    CharterDraft = "charter.draft", "Keep a charter that is not in force yet, for others to look at.";
    CharterReplay = "charter.replay", "See who would gain and who would lose by a draft of the charter.";
    CharterApply = "charter.apply", "Put a new version of the charter in force.";
    CharterRevert = "charter.revert", "Put the version of the charter before the one in force back in its place.";
    AccessRead = "access.read", "See principals and credentials.";
    AccessChange = "access.change", "Create, change and end principals and credentials.";
    AccessProvision = "access.provision", "Keep the people of an identity provider and their groups, and nobody else.";
    SessionBegin = "session.begin", "Log in, or prove anew who one is.";
    SessionLend = "session.lend", "Begin another session of one's own, for a program at a terminal.";
    SessionRead = "session.read", "See one's own sessions.";
    SessionEnd = "session.end", "End a session of one's own.";
    AccountRead = "account.read", "See what oneself may do, and by what one logs in.";
    AccountAcknowledge = "account.acknowledge", "Say that one knows that one's looks at customers are watched.";
    AuthenticatorEnrol = "authenticator.enrol", "Add something to log in with: a passkey, a password, an app for codes.";
    AuthenticatorRemove = "authenticator.remove", "Take something away that one logs in with.";
    ApprovalAsk = "approval.ask", "Ask others to agree to something, or take that back.";
    ApprovalRead = "approval.read", "See what one has asked for, and what waits for one's word.";
    ApprovalGive = "approval.give", "Agree, or not, to what others ask for.";
    BreakGlassOpen = "break_glass.open", "In an emergency, look for an hour at what otherwise others have to agree to.";
    BreakGlassClose = "break_glass.close", "End before its time that one's glass is broken.";
    BreakGlassRead = "break_glass.read", "See where glass was broken: one's own, and what is one's to review.";
    BreakGlassReview = "break_glass.review", "Say whether somebody was right to break the glass.";
    TieWrite = "tie.write", "Say what somebody has to do with a customer: a case, an order, a contact.";
    TieRead = "tie.read", "See who has to do with a customer, and why.";
    WatchRead = "watch.read", "See cases of looks without need, and their scores.";
    WatchClose = "watch.close", "Say what a case has come to.";
    EventRead = "event.read", "Read the ledger of events.";
    EventSearch = "event.search", "Find the events that are about one customer.";
    AlarmRead = "alarm.read", "See alarms: what happened that somebody has to look at.";
    AlarmClose = "alarm.close", "Close alarms, and say as what.";
    DisclosureRead = "disclosure.read", "See what recipients were given, and of how many.";
    KeyRead = "key.read", "See which keys exist and how old they are; never a key itself.";
    KeyRotate = "key.rotate", "Replace the key that wraps the customers' keys.";
    KeyDrill = "key.drill", "Prove that a seal for recovery still opens.";
    KeyReseal = "key.reseal", "Replace the seals around the vault's keys.";
    ErasureRead = "erasure.read", "Read the receipts of erasures.";
    SystemBackup = "system.backup", "Make backups and look at them.";
    SystemStatus = "system.status", "See how the server is.";
    PolicyExplain = "policy.explain", "Ask what somebody could do, and why.";
}

/// Which of a role's two ladders decides what an action shows of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shows {
    /// The everyday view: what the role `reads`.
    Reads,
    /// The deliberate look: what the role `reveals`.
    Reveals,
}

impl Shows {
    /// Its name in Cedar: `reads` or `reveals`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Reveals => "reveals",
        }
    }
}

impl Action {
    /// Whether the action touches customers' data: such an action needs a lawful purpose.
    pub const fn is_data(self) -> bool {
        use Action::*;
        match self {
            SubjectCreate | SubjectRead | SubjectList | SubjectReveal | SubjectUpdate | SubjectDelete
            | SubjectSearch | SubjectHold | SubjectMark | SubjectHistory | SubjectImport | SubjectExport
            | TokenCreate | TokenDetokenize | TokenRead | TokenImport => true,
            // Who looked, not what was seen: an auditor asks it without any purpose.
            SubjectAccesses | TokenRevoke | TransitManage | TransitEncrypt | TransitDecrypt | CharterRead
            | CharterDraft | CharterReplay | CharterApply | CharterRevert | AccessRead | AccessChange
            | AccessProvision | SessionBegin | SessionLend | SessionRead | SessionEnd | AccountRead
            | AccountAcknowledge | AuthenticatorEnrol | AuthenticatorRemove | ApprovalAsk | ApprovalRead
            | ApprovalGive | BreakGlassOpen | BreakGlassClose | BreakGlassRead | BreakGlassReview
            | TieWrite | TieRead | WatchRead | WatchClose | EventRead | EventSearch | AlarmRead
            | AlarmClose | DisclosureRead | KeyRead | KeyRotate | KeyDrill | KeyReseal | ErasureRead
            | SystemBackup | SystemStatus | PolicyExplain => false,
        }
    }

    /// Whether it is about the caller itself: every person may do it, and no role gives or takes it.
    pub const fn is_own(self) -> bool {
        use Action::*;
        matches!(
            self,
            SessionBegin
                | SessionLend
                | SessionRead
                | SessionEnd
                | AccountRead
                | AccountAcknowledge
                | AuthenticatorEnrol
                | AuthenticatorRemove
                | ApprovalAsk
                | ApprovalRead
                | ApprovalGive
                | BreakGlassOpen
                | BreakGlassClose
                | BreakGlassRead
                | BreakGlassReview
        )
    }

    /// By which ladder the action shows fields; `None` when it shows none at all.
    ///
    /// Creating and updating echo the record as a read would. Making a token needs the field to be readable
    /// at least as a token.
    pub const fn shows(self) -> Option<Shows> {
        use Action::*;
        match self {
            SubjectCreate | SubjectRead | SubjectList | SubjectUpdate | SubjectSearch | SubjectHistory
            | TokenCreate => Some(Shows::Reads),
            SubjectReveal | SubjectExport | TokenDetokenize => Some(Shows::Reveals),
            SubjectDelete | SubjectHold | SubjectMark | SubjectAccesses | SubjectImport | TokenRead
            | TokenRevoke | TokenImport | TransitManage | TransitEncrypt | TransitDecrypt | CharterRead
            | CharterDraft | CharterReplay | CharterApply | CharterRevert | AccessRead | AccessChange
            | AccessProvision | SessionBegin | SessionLend | SessionRead | SessionEnd | AccountRead
            | AccountAcknowledge | AuthenticatorEnrol | AuthenticatorRemove | ApprovalAsk | ApprovalRead
            | ApprovalGive | BreakGlassOpen | BreakGlassClose | BreakGlassRead | BreakGlassReview
            | TieWrite | TieRead | WatchRead | WatchClose | EventRead | EventSearch | AlarmRead
            | AlarmClose | DisclosureRead | KeyRead | KeyRotate | KeyDrill | KeyReseal | ErasureRead
            | SystemBackup | SystemStatus | PolicyExplain => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no action of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownAction;

impl fmt::Display for UnknownAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown action")
    }
}

impl std::error::Error for UnknownAction {}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

impl serde::Serialize for Action {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_are_noun_dot_verb() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
            assert_eq!(action.as_str().split('.').count(), 2, "{action}");
        }
        assert_eq!("subject.steal".parse::<Action>(), Err(UnknownAction));
    }

    #[test]
    fn only_data_actions_show_fields() {
        for action in Action::ALL {
            assert!(action.shows().is_none() || action.is_data(), "{action}");
        }
    }
}
