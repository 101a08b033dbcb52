//! Passkeys: WebAuthn, always with user verification, so that one counts as two factors, and always discoverable, so that nobody has
//! to say who they are before they have proved it.
//!
//! A ceremony has two halves. [`RelyingParty::begin_enrolment`] and [`RelyingParty::begin`] give what the browser gets and a state that the
//! other half needs. The state has to come back unchanged and once: whoever calls seals it, bounds its life, and spends it.
//! Nothing here knows whether a passkey may be used, only whether it was.

use core::fmt;

use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::{
    AttestationCaList, AttestationMetadata, AttestedPasskeyRegistration, Credential,
    DiscoverableAuthentication, DiscoverableKey, Passkey as Inner, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};
use webauthn_rs_proto::ResidentKeyRequirement;

use crate::Error;

/// Where the library keeps the authorities in the state of a ceremony.
const AUTHORITIES: &str = "ca_list";
const UNWRITTEN: Error = Error::Internal("a ceremony has no JSON form");

/// The longest answer of a browser that is looked at, in bytes. One of an attested key with a chain of certificates has some 10 KiB.
pub const ANSWER_BYTES: usize = 64 << 10;

/// The site that passkeys are made for.
///
/// `id` is in every passkey and can never change: with another one nobody's passkey is known any more.
#[derive(Clone)]
pub struct RelyingParty {
    webauthn: Webauthn,
    id: String,
}

/// A passkey as it is kept.
///
/// Beside what the library keeps there are the bytes that it was made of, from which every later library can make its own.
#[derive(Clone, Serialize, Deserialize)]
pub struct Passkey {
    credential: Credential,
    /// The attestation object as it came.
    attestation: Vec<u8>,
    /// Whether it was made in a ceremony that asked the device's maker, by one of the authorities that were named then.
    attested: bool,
}

/// The makers of devices that are believed: their authorities, and, if they are named, the models (AAGUID) of theirs. Whoever can change
/// these can have any key taken for one that is in a device.
#[derive(Clone)]
pub struct Makers {
    authorities: AttestationCaList,
    models: Vec<[u8; 16]>,
}

impl Makers {
    /// Authorities as certificates in PEM, one after the other, and models; no model: all of theirs.
    ///
    /// # Errors
    /// [`Error::Configuration`] when there is no certificate, or one that is none.
    pub fn new(pem: &str, models: Vec<[u8; 16]>) -> Result<Self, Error> {
        const END: &str = "-----END CERTIFICATE-----";
        const NONE: Error =
            Error::Configuration("expected certificates in PEM, of authorities for attestation");
        let mut authorities = AttestationCaList::default();
        for (end, _) in pem.match_indices(END) {
            let until = pem.get(..end + END.len()).ok_or(NONE)?;
            let begin = until.rfind("-----BEGIN CERTIFICATE-----").ok_or(NONE)?;
            let one = until.get(begin..).ok_or(NONE)?;
            authorities.union(&AttestationCaList::try_from(one.as_bytes()).map_err(|_| NONE)?);
        }
        if authorities.is_empty() { Err(NONE) } else { Ok(Self { authorities, models }) }
    }

    /// How many authorities there are.
    #[must_use]
    pub fn authorities(&self) -> usize {
        self.authorities.len()
    }

    /// Whether a passkey is of a model that is believed now.
    fn believe(&self, passkey: &Passkey) -> bool {
        let model = match passkey.credential.attestation.metadata {
            AttestationMetadata::Packed { aaguid } | AttestationMetadata::Tpm { aaguid, .. } => Some(aaguid),
            _ => None,
        };
        self.models.is_empty() || model.is_some_and(|model| self.models.contains(model.as_bytes()))
    }
}

impl fmt::Debug for Makers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Makers").field("authorities", &self.authorities.len()).finish_non_exhaustive()
    }
}

/// The first half of a ceremony.
#[derive(Debug)]
pub struct Begun {
    /// JSON for the browser: the value of `publicKey`.
    pub options: String,
    /// What the second half needs.
    pub state: Vec<u8>,
}

/// Whom an answer claims to be from. Nothing of it is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The person, as it was given when the passkey was made.
    pub person: [u8; 16],
    /// The passkey.
    pub credential: Vec<u8>,
}

/// An answer that proves that somebody has a passkey and that it knew them.
#[derive(Debug)]
pub struct Shown {
    /// The passkey as it is to be kept now, when it has changed.
    pub changed: Option<Passkey>,
}

impl RelyingParty {
    /// A site: `id` is its registrable domain, `origin` where its pages are, `name` what people call it.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the origin is not within the domain.
    pub fn new(id: &str, origin: &str, name: &str) -> Result<Self, Error> {
        let origin = Url::parse(origin).map_err(|_| Error::Configuration("the origin is no address"))?;
        let secure = origin.scheme() == "https" || origin.host_str() == Some("localhost");
        if !secure {
            return Err(Error::Configuration("passkeys need https, or `localhost`"));
        }
        let builder = WebauthnBuilder::new(id, &origin)
            .map_err(|_| Error::Configuration("the origin is not within the domain of passkeys"))?;
        let webauthn = builder.rp_name(name).build().map_err(|_| Error::Configuration("no relying party"))?;
        Ok(Self { webauthn, id: id.to_owned() })
    }

    /// The domain in every passkey.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Begins to make a passkey for a person who has those of `known` already.
    ///
    /// # Errors
    /// [`Error::Internal`] when the library fails.
    pub fn begin_enrolment(&self, person: [u8; 16], name: &str, known: &[Passkey]) -> Result<Begun, Error> {
        let exclude = known.iter().map(|passkey| passkey.credential.cred_id.clone()).collect();
        let (mut challenge, state) = self
            .webauthn
            .start_passkey_registration(Uuid::from_bytes(person), name, name, Some(exclude))
            .map_err(|_| Error::Internal("a ceremony could not begin"))?;
        // The library would rather have keys that are not discoverable, with which nobody logs in here.
        let selection = challenge.public_key.authenticator_selection.get_or_insert_default();
        selection.resident_key = Some(ResidentKeyRequirement::Required);
        selection.require_resident_key = true;
        Ok(Begun { options: json(&challenge.public_key)?, state: json(&state)?.into_bytes() })
    }

    /// The same for a passkey whose device's maker is to say that it cannot leave it.
    ///
    /// # Errors
    /// [`Error::Internal`] when the library fails.
    pub fn begin_attested_enrolment(
        &self,
        person: [u8; 16],
        name: &str,
        known: &[Passkey],
        makers: &Makers,
    ) -> Result<Begun, Error> {
        let exclude = known.iter().map(|passkey| passkey.credential.cred_id.clone()).collect();
        let (id, authorities) = (Uuid::from_bytes(person), makers.authorities.clone());
        let (mut challenge, state) = self
            .webauthn
            .start_attested_passkey_registration(id, name, name, Some(exclude), authorities, None)
            .map_err(|_| Error::Internal("a ceremony could not begin"))?;
        let selection = challenge.public_key.authenticator_selection.get_or_insert_default();
        selection.resident_key = Some(ResidentKeyRequirement::Required);
        selection.require_resident_key = true;
        // The authorities are known at the end as well, and would not fit into a cookie.
        let mut state = serde_json::to_value(&state).map_err(|_| UNWRITTEN)?;
        state.as_object_mut().and_then(|state| state.remove(AUTHORITIES)).ok_or(UNWRITTEN)?;
        Ok(Begun { options: json(&challenge.public_key)?, state: json(&state)?.into_bytes() })
    }

    /// Makes the passkey out of the browser's answer, if the maker of its device is one of those.
    ///
    /// # Errors
    /// As [`RelyingParty::finish_enrolment`]; [`Error::Unattested`] for one that nobody who is believed speaks for.
    pub fn finish_attested_enrolment(
        &self,
        state: &[u8],
        answer: &[u8],
        makers: &Makers,
    ) -> Result<Passkey, Error> {
        let mut state: serde_json::Value = read(state)?;
        let authorities = serde_json::to_value(&makers.authorities).map_err(|_| UNWRITTEN)?;
        let fields = state.as_object_mut().ok_or(Error::Malformed("the state is of another ceremony"))?;
        fields.insert(AUTHORITIES.to_owned(), authorities);
        let state: AttestedPasskeyRegistration = serde_json::from_value(state)
            .map_err(|_| Error::Malformed("the state is of another ceremony"))?;
        let answer: RegisterPublicKeyCredential = read_answer(answer)?;
        let discoverable = answer.extensions.cred_props.as_ref().and_then(|properties| properties.rk);
        let made = self.webauthn.finish_attested_passkey_registration(&answer, &state);
        let made = made.map_err(|error| match error {
            WebauthnError::AttestationChainNotTrusted(_)
            | WebauthnError::AttestationUntrustedAaguid
            | WebauthnError::AttestationNotVerifiable
            | WebauthnError::AttestationNotSupported
            | WebauthnError::CredentialMayNotBeHardwareBound => Error::Unattested,
            _ => Error::Unproven("the answer is not to this ceremony"),
        })?;
        if discoverable == Some(false) {
            return Err(Error::Undiscoverable);
        }
        let credential: Credential = made.into();
        let attestation = answer.response.attestation_object;
        let passkey = Passkey { credential, attestation, attested: true };
        if passkey.is_spoken_for() && !passkey.travels() && makers.believe(&passkey) {
            Ok(passkey)
        } else {
            Err(Error::Unattested)
        }
    }

    /// Makes the passkey out of the browser's answer.
    ///
    /// # Errors
    /// [`Error::Unproven`] for an answer that is not to this ceremony, and [`Error::Undiscoverable`] for a key that does not
    /// know its owner.
    pub fn finish_enrolment(&self, state: &[u8], answer: &[u8]) -> Result<Passkey, Error> {
        let state: PasskeyRegistration = read(state)?;
        let answer: RegisterPublicKeyCredential = read_answer(answer)?;
        let discoverable = answer.extensions.cred_props.as_ref().and_then(|properties| properties.rk);
        let passkey = self
            .webauthn
            .finish_passkey_registration(&answer, &state)
            .map_err(|_| Error::Unproven("the answer is not to this ceremony"))?;
        if discoverable == Some(false) {
            return Err(Error::Undiscoverable);
        }
        let attestation = answer.response.attestation_object;
        Ok(Passkey { credential: passkey.into(), attestation, attested: false })
    }

    /// Begins a log-in, whoever it will be.
    ///
    /// # Errors
    /// [`Error::Internal`] when the library fails.
    pub fn begin(&self) -> Result<Begun, Error> {
        let (challenge, state) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(|_| Error::Internal("a ceremony could not begin"))?;
        Ok(Begun { options: json(&challenge.public_key)?, state: json(&state)?.into_bytes() })
    }

    /// Checks an answer against the passkey that it claims to be from.
    ///
    /// # Errors
    /// [`Error::Unproven`] when it does not hold.
    pub fn finish(&self, state: &[u8], answer: &[u8], passkey: &Passkey) -> Result<Shown, Error> {
        let state: DiscoverableAuthentication = read(state)?;
        let answer: PublicKeyCredential = read_answer(answer)?;
        let inner = Inner::from(passkey.credential.clone());
        let unproven = |error| match error {
            // Of one that counts; many never do.
            WebauthnError::CredentialPossibleCompromise => {
                Error::Unproven("the passkey has counted backwards: somebody may have a copy of it")
            }
            _ => Error::Unproven("the answer does not hold"),
        };
        let result = self
            .webauthn
            .finish_discoverable_authentication_v2(&answer, state, DiscoverableKey::from(&inner))
            .map_err(unproven)?;
        if !result.user_verified() {
            return Err(Error::Unproven("the passkey did not know its owner"));
        }
        let mut updated = inner;
        let changed = updated.update_credential(&result) == Some(true);
        let kept = || Passkey {
            credential: updated.into(),
            attestation: passkey.attestation.clone(),
            attested: passkey.attested,
        };
        Ok(Shown { changed: changed.then(kept) })
    }
}

/// Whom an answer claims to be from.
///
/// # Errors
/// [`Error::Malformed`].
pub fn claimed(answer: &[u8]) -> Result<Claimed, Error> {
    let answer: PublicKeyCredential = read_answer(answer)?;
    let person = answer.get_user_unique_id().and_then(|id| id.try_into().ok());
    let person = person.ok_or(Error::Malformed("the answer names nobody"))?;
    Ok(Claimed { person, credential: answer.get_credential_id().to_vec() })
}

impl Passkey {
    /// By which it is found.
    #[must_use]
    pub fn id(&self) -> &[u8] {
        &self.credential.cred_id
    }

    /// Whether it may be copied to other devices of its owner.
    #[must_use]
    pub fn travels(&self) -> bool {
        self.credential.backup_eligible
    }

    /// Whether its attestation has certificates: without them it speaks for itself.
    fn is_spoken_for(&self) -> bool {
        let data = serde_json::to_value(&self.credential.attestation.data).unwrap_or_default();
        ["Basic", "AttCa", "AnonCa"].iter().any(|chain| data.get(chain).is_some())
    }

    /// Whether the maker of its device has said that it cannot, and is believed now.
    #[must_use]
    pub fn attested(&self, makers: Option<&Makers>) -> bool {
        self.attested && !self.travels() && makers.is_some_and(|makers| makers.believe(self))
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelyingParty").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Passkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passkey(..)")
    }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| Error::Internal("a ceremony has no JSON form"))
}

fn read<T: for<'de> Deserialize<'de>>(state: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(state).map_err(|_| Error::Malformed("the state is of another ceremony"))
}

fn read_answer<T: for<'de> Deserialize<'de>>(answer: &[u8]) -> Result<T, Error> {
    if answer.len() > ANSWER_BYTES {
        return Err(Error::Malformed("the answer is too long"));
    }
    serde_json::from_slice(answer).map_err(|_| Error::Malformed("this is no answer of a browser"))
}
