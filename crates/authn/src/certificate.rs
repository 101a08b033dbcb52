//! Certificates of services: an authority of our own makes them, out of a request that its key has signed.
//!
//! Nothing of a request is taken but its public key: the name is the one that whoever calls says,
//! `avouch://service/<id>` as the one URI among the alternative names (RFC 8705, section 2.1.2), and so are
//! the hours. They are short, so there is no list of revoked ones: what ends a certificate before its time is
//! that its service may not act any more, which is not asked here.
//!
//! Whether a connection's certificate is good is TLS's to say. What is read of it here, [`Shown`], is of one
//! that TLS has found good. Two things come from the system's own source of randomness and are no argument:
//! the authority's key when it is made, and the number that each ECDSA signature needs.

use core::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType,
    SerialNumber, SignatureAlgorithm, SigningKey,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::Error;
use crate::jwt::thumbprint::Thumbprint;

/// The shortest and the longest life of a certificate, in hours.
pub const HOURS: core::ops::RangeInclusive<u16> = 24..=168;
/// Bytes of a request.
pub const MOST_REQUEST: usize = 16 << 10;
/// For how long an authority is good, in days.
const AUTHORITY_DAYS: u64 = 3_650;
/// A certificate is good from a moment before it was made: the clocks of others.
const BACK_SECONDS: u64 = 300;
/// What the name of a service begins with.
const SERVICE: &str = "avouch://service/";

/// An authority that has just been made.
pub struct NewAuthority {
    /// Its private key, PKCS#8: to be sealed.
    pub key: Zeroizing<Vec<u8>>,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
}

impl core::fmt::Debug for NewAuthority {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("NewAuthority(..)")
    }
}

/// What signs certificates.
pub struct Authority {
    issuer: Issuer<'static, Key>,
    certificate: Vec<u8>,
}

impl core::fmt::Debug for Authority {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Authority(..)")
    }
}

/// A certificate that has just been made.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate and the authority's behind it, as PEM.
    pub chain: String,
    /// What a token is bound to.
    pub thumbprint: Thumbprint,
    /// The first second at which it is refused.
    pub until: u64,
}

impl Authority {
    /// Makes one for `name`, from `now_seconds` on.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn make(name: &str, serial: [u8; 16], now_seconds: u64) -> Result<NewAuthority, Error> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(internal)?;
        let private = key.to_pkcs8v1().map_err(internal)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.serial_number = Some(positive(serial));
        good(&mut params, now_seconds, now_seconds.saturating_add(AUTHORITY_DAYS * 86_400));
        let certificate = params.self_signed(&Key(key)).map_err(internal)?;
        Ok(NewAuthority {
            key: Zeroizing::new(private.as_ref().to_vec()),
            certificate: certificate.der().to_vec(),
        })
    }

    /// One that was kept.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn load(key: &[u8], certificate: &[u8]) -> Result<Self, Error> {
        let malformed = Error::Malformed("key and certificate are none of an authority");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key).map_err(|_| malformed)?;
        let issuer = Issuer::from_ca_cert_der(&certificate.into(), Key(key)).map_err(|_| malformed)?;
        Ok(Self { issuer, certificate: certificate.to_vec() })
    }

    /// Its certificate, DER: what TLS trusts.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Makes a certificate for the service called `id`, with the key that the request (PKCS#10, as PEM) is
    /// signed by.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is no request, or whose signature is not of its key;
    /// [`Error::Configuration`] for hours outside of [`HOURS`].
    pub fn issue(
        &self,
        request: &str,
        id: &str,
        serial: [u8; 16],
        now_seconds: u64,
        hours: u16,
    ) -> Result<Issued, Error> {
        if !HOURS.contains(&hours) {
            return Err(Error::Configuration("a certificate is good for 24 to 168 hours"));
        }
        let malformed = Error::Malformed("this is no request for a certificate that its own key has signed");
        if request.len() > MOST_REQUEST {
            return Err(malformed);
        }
        let request = CertificateSigningRequestParams::from_pem(request).map_err(|_| malformed)?;
        let until = now_seconds.saturating_add(u64::from(hours) * 3_600);
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(id);
        params.subject_alt_names = vec![SanType::URI(format!("{SERVICE}{id}").try_into().map_err(internal)?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(positive(serial));
        good(&mut params, now_seconds, until);
        let certificate = params.signed_by(&request.public_key, &self.issuer).map_err(internal)?;
        let chain = format!("{}{}", certificate.pem(), pem(&self.certificate));
        Ok(Issued { chain, thumbprint: Thumbprint::of_certificate(certificate.der()), until })
    }
}

/// A certificate as PEM.
#[must_use]
pub fn pem(der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let mut pem = String::with_capacity(text.len() + text.len() / 64 + 64);
    pem.push_str("-----BEGIN CERTIFICATE-----\n");
    for (at, letter) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

/// What a certificate says that somebody has shown, and TLS has found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What a token is bound to.
    pub thumbprint: Thumbprint,
    /// The service that it names, if it names one.
    pub service: Option<String>,
    /// The first second at which it is refused: a connection may outlive it.
    pub until: u64,
}

impl Shown {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn read(der: &[u8]) -> Result<Self, Error> {
        let malformed = Error::Malformed("malformed certificate");
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| malformed)?;
        if !rest.is_empty() {
            return Err(malformed);
        }
        let names = certificate.subject_alternative_name().map_err(|_| malformed)?;
        let mut services =
            names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
                GeneralName::URI(uri) => uri.strip_prefix(SERVICE),
                _ => None,
            });
        // Of two names none is meant.
        let service = match (services.next(), services.next()) {
            (Some(service), None) => Some(service.to_owned()),
            _ => None,
        };
        let last = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        Ok(Self { thumbprint: Thumbprint::of_certificate(der), service, until: last.saturating_add(1) })
    }
}

/// The authority's key, for the library that writes certificates.
struct Key(EcdsaKeyPair);

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        signature.map(|signature| signature.as_ref().to_vec()).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// A serial number is positive and not zero.
fn positive(mut serial: [u8; 16]) -> SerialNumber {
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    SerialNumber::from_slice(&serial)
}

/// Says from when to when.
fn good(params: &mut CertificateParams, from: u64, until: u64) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let date = |seconds: u64| epoch + Duration::from_secs(seconds.min(LAST_SECOND));
    params.not_before = date(from.saturating_sub(BACK_SECONDS));
    // It is refused after that second, and not at it.
    params.not_after = date(until.saturating_sub(1));
}

/// The last second of the year 9999, after which a certificate knows no date.
const LAST_SECOND: u64 = 253_402_300_799;

fn internal<E>(_: E) -> Error {
    Error::Internal("a certificate could not be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_772_357_400;

    fn authority() -> Authority {
        let made = Authority::make("avouch", [0xff; 16], NOW).unwrap();
        Authority::load(&made.key, &made.certificate).unwrap()
    }

    fn request(change: impl FnOnce(&mut CertificateParams)) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        change(&mut params);
        params.serialize_request(&key).unwrap().pem().unwrap()
    }

    fn der(pem: &str) -> Vec<u8> {
        let body: String = pem.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
        data_encoding::BASE64.decode(body.as_bytes()).unwrap()
    }

    #[test]
    fn a_certificate_says_who_and_until_when_whatever_the_request_says() {
        let authority = authority();
        let request = request(|params| {
            let name = SanType::URI("avouch://service/somebody-else".try_into().unwrap());
            params.subject_alt_names = vec![name, SanType::DnsName("bank.example".try_into().unwrap())];
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        });
        let issued = authority.issue(&request, "one", [7; 16], NOW, 24).unwrap();
        let der = der(&issued.chain);
        let shown = Shown::read(&der).unwrap();
        assert_eq!(shown.service.as_deref(), Some("one"));
        assert_eq!((shown.until, shown.thumbprint), (NOW + 24 * 3_600, issued.thumbprint));
        assert_eq!(shown.until, issued.until);
        let certificate = X509Certificate::from_der(&der).unwrap().1;
        assert!(!certificate.is_ca());
        let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
        assert_eq!(names.len(), 1);
        let above = X509Certificate::from_der(authority.certificate()).unwrap().1;
        certificate.verify_signature(Some(above.public_key())).unwrap();
        assert!(issued.chain.ends_with(&pem(authority.certificate())));
    }

    #[test]
    fn a_request_that_its_own_key_has_not_signed_gets_nothing() {
        let authority = authority();
        let good = request(|_| ());
        let mut bytes = der(&good);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let forged = pem(&bytes).replace("CERTIFICATE", "CERTIFICATE REQUEST");
        for other in ["", "no", &forged, &pem(authority.certificate()), &"x".repeat(MOST_REQUEST + 1)] {
            let refused = authority.issue(other, "one", [7; 16], NOW, 24);
            assert!(matches!(refused, Err(Error::Malformed(_))), "{other}");
        }
        authority.issue(&good, "one", [7; 16], NOW, 168).unwrap();
        for hours in [0, 23, 169] {
            let refused = authority.issue(&good, "one", [7; 16], NOW, hours);
            assert!(matches!(refused, Err(Error::Configuration(_))), "{hours}");
        }
    }

    #[test]
    fn of_two_names_none_is_meant_and_an_authority_is_no_service() {
        let key = rcgen::KeyPair::generate().unwrap();
        let uri = |id: &str| SanType::URI(format!("{SERVICE}{id}").try_into().unwrap());
        let named = |names: Vec<SanType>| {
            let mut params = CertificateParams::default();
            params.subject_alt_names = names;
            Shown::read(params.self_signed(&key).unwrap().der()).unwrap().service
        };
        assert_eq!(named(vec![uri("one")]).as_deref(), Some("one"));
        assert_eq!(named(vec![uri("one"), uri("two")]), None);
        assert_eq!(named(vec![SanType::DnsName("one.example".try_into().unwrap())]), None);
        assert_eq!(Shown::read(authority().certificate()).unwrap().service, None);
        assert!(Shown::read(b"no").is_err());
    }

    #[test]
    fn what_is_none_of_an_authority_does_not_load() {
        let made = Authority::make("avouch", [1; 16], NOW).unwrap();
        assert!(Authority::load(b"no", &made.certificate).is_err());
        assert!(Authority::load(&made.key, b"no").is_err());
        assert_eq!(format!("{made:?}"), "NewAuthority(..)");
    }
}
