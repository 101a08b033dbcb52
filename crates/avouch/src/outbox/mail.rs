//! To a mailbox, by the SMTP server of the configuration. What a mail says is a sentence and ids: it is read by more than whom it is for.

use std::fs;

use avouch_core::MessageId;
use avouch_core::outbox::Notice;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{SmtpTransport, Transport as _};

use super::TIMEOUT;
use crate::config::{Mail, MailTls};
use crate::error::Error;
use crate::files;

/// See the module.
pub(super) struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
    /// Where people look at what a mail tells of.
    origin: Option<String>,
}

impl Mailer {
    /// # Errors
    /// An address, a file or a certificate that cannot be used.
    pub(super) fn new(mail: &Mail, origin: Option<String>) -> Result<Option<Self>, Error> {
        let Some((host, port)) = mail.parts() else { return Ok(None) };
        let unusable = |reason: String| Error::Usage(format!("[mail] {reason}"));
        let from = mail.from.as_deref().unwrap_or_default().parse();
        let from = from.map_err(|_| unusable("from is no address".to_owned()))?;
        let parameters = || {
            let mut parameters = TlsParameters::builder(host.to_owned());
            if let Some(path) = &mail.ca {
                let pem = fs::read(path).map_err(Error::file(path))?;
                let ca = Certificate::from_pem(&pem);
                let ca = ca.map_err(|_| unusable("ca has no certificate".to_owned()))?;
                parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(ca);
            }
            parameters.build_rustls().map_err(|error| unusable(error.to_string()))
        };
        let tls = match mail.tls {
            MailTls::Starttls => Tls::Required(parameters()?),
            MailTls::Implicit => Tls::Wrapper(parameters()?),
            MailTls::None => Tls::None,
        };
        let mut transport = SmtpTransport::builder_dangerous(host).port(port).tls(tls).timeout(Some(TIMEOUT));
        if let (Some(user), Some(path)) = (&mail.user, &mail.password_file) {
            let password = files::read_secret(path)?;
            transport = transport.credentials(Credentials::new(user.clone(), password.trim().to_owned()));
        }
        Ok(Some(Self { transport: transport.build(), from, origin }))
    }

    /// Sends it.
    pub(super) fn send(&self, id: MessageId, to: &str, notice: &Notice) -> Result<(), String> {
        let to: Mailbox = to.parse().map_err(|_| "there is no such address".to_owned())?;
        let (subject, body) = self.text(notice);
        let domain = self.from.email.domain().to_owned();
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            // The same message under the same id: whoever gets it twice can tell.
            .message_id(Some(format!("<{id}@{domain}>")))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| error.to_string())?;
        // What the server says may name the mailbox, which is nobody's in a log.
        self.transport.send(&message).map(drop).map_err(|error| match error.status() {
            Some(status) => format!("the server answers {status}"),
            None if error.is_timeout() => "the server does not answer in time".to_owned(),
            None if error.is_tls() => "no encrypted connection with the server".to_owned(),
            None => "no connection with the server".to_owned(),
        })
    }

    fn text(&self, notice: &Notice) -> (String, String) {
        match notice {
            Notice::Alarm { id, kind, principal, at } => {
                let place = self.origin.as_ref().map(|origin| format!(" at {origin}/console"));
                let place = place.unwrap_or_default();
                let subject = format!("avouch: alarm ({})", kind.name());
                let body = format!(
                    "{}\r\n\r\nWhen:   {}\r\nAlarm:  {id}\r\nBy:     {principal}\r\n\r\n\
                     What there is to know is not in this mail. Log in{place}, or ask `avouch alarm list`, and close the\r\n\
                     alarm when you have looked into it. The same again today is counted there and not mailed.\r\n",
                    kind.about(),
                    super::time(*at),
                );
                (subject, body)
            }
            Notice::Code { code, .. } => {
                let body = format!(
                    "{}\r\n\r\nType it where you have just asked for it, within five minutes. Nobody will ever ask you for it. If you\r\n\
                     have not asked, somebody knows your password: set another one.\r\n",
                    code.reveal(),
                );
                ("avouch: a code".to_owned(), body)
            }
            Notice::Account { what, with, client, country, at } => {
                let mut body = format!("{}\r\n\r\nWhen:     {}\r\n", what.about(), super::time(*at));
                let line = |name: &str, said: &Option<String>| {
                    said.as_ref().map(|said| format!("{name:9} {said}\r\n")).unwrap_or_default()
                };
                body.push_str(&line("What:", &with.as_ref().map(|with| with.replace('_', " "))));
                body.push_str(&line("Browser:", client));
                body.push_str(&line("Country:", country));
                body.push_str(
                    "\r\nIf that was you, there is nothing to do. If not, tell whoever administers avouch at once, and end your\r\n\
                     sessions on your account page. There is nothing to click on in this mail: open avouch as you always do.\r\n",
                );
                (format!("avouch: {}", what.subject()), body)
            }
        }
    }
}

/// That nobody answers it (RFC 3834).
#[derive(Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use avouch_core::watch::alarms::AlarmKind;
    use avouch_core::{AlarmId, PrincipalId};

    use super::*;

    /// A server that is not as it should be: it takes mail unencrypted, or says no to its receiver. What it was told comes back. A real
    /// one stands in `tests/it/alarms.rs`.
    fn server(takes: bool) -> (u16, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let talk = move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let (mut told, mut data) = (String::new(), false);
            stream.write_all(b"220 test\r\n").unwrap();
            while let Some(Ok(line)) = lines.next() {
                told.push_str(&line);
                told.push('\n');
                let answer: &[u8] = match line.split(' ').next().unwrap_or_default() {
                    "." if data => {
                        data = false;
                        b"250 taken\r\n"
                    }
                    _ if data => continue,
                    "EHLO" => b"250-test\r\n250 8BITMIME\r\n",
                    "RCPT" if !takes => b"550 no such mailbox security@shop.example\r\n",
                    "DATA" => {
                        data = true;
                        b"354 go on\r\n"
                    }
                    "QUIT" => break,
                    _ => b"250 yes\r\n",
                };
                stream.write_all(answer).unwrap();
            }
            told
        };
        (port, thread::spawn(talk))
    }

    fn send(port: u16) -> Result<(), String> {
        let mail = Mail {
            server: Some(format!("127.0.0.1:{port}")),
            from: Some("avouch@shop.example".to_owned()),
            tls: MailTls::None,
            ..Mail::default()
        };
        let mailer = Mailer::new(&mail, Some("https://vault.shop.example".to_owned())).unwrap().unwrap();
        let notice = Notice::Alarm {
            id: AlarmId::from_bytes([1; 16]),
            kind: AlarmKind::PartnerToken,
            principal: PrincipalId::from_bytes([2; 16]),
            at: 1_767_225_600_000_000,
        };
        mailer.send(MessageId::from_bytes([3; 16]), "security@shop.example", &notice)
    }

    #[test]
    fn what_the_server_answers_is_not_repeated() {
        let (port, server) = server(false);
        assert_eq!(send(port), Err("the server answers 550".to_owned()));
        drop(server.join());
    }

    #[test]
    fn without_encryption_nothing_is_sent_when_it_is_wanted() {
        let (port, server) = server(true);
        let mail = Mail {
            server: Some(format!("127.0.0.1:{port}")),
            from: Some("avouch@shop.example".to_owned()),
            ..Mail::default()
        };
        let mailer = Mailer::new(&mail, None).unwrap().unwrap();
        let notice = Notice::Alarm {
            id: AlarmId::from_bytes([1; 16]),
            kind: AlarmKind::PartnerScope,
            principal: PrincipalId::from_bytes([2; 16]),
            at: 0,
        };
        assert!(mailer.send(MessageId::from_bytes([3; 16]), "security@shop.example", &notice).is_err());
        drop(mailer);
        assert!(!server.join().unwrap().contains("MAIL FROM"));
    }
}
