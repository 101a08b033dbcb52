//! The words of headers in English, German, French, Spanish, Portuguese, Italian, Dutch and Polish.
//!
//! A header is folded (`Prénom` → `prenom`, `E-Mail-Adresse` → `e mail adresse`, `BillingPostalCode` →
//! `billing postal code`), small words such as `of` and `de` are dropped, and every run of the remaining
//! words is looked up written together. The longest run wins: `email address` is no street, and `country
//! code` is no key.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::Kind;

/// A term that a header holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) kind: Kind,
    /// 0 to 100.
    pub(super) strength: u8,
    /// As it stands in the tables below.
    pub(super) term: &'static str,
}

/// Headers that may mean the family name or the whole name.
pub(super) const NAME_ALONE: [&str; 6] = ["name", "nom", "nombre", "nome", "naam", "nazwa"];

/// The terms in a header, the strongest first, at most one of each kind.
pub(super) fn read(header: &str) -> Vec<Word> {
    let words = words(header);
    let mut found: Vec<(usize, usize, Word)> = Vec::new();
    for length in (1..=words.len()).rev() {
        for start in 0..=words.len() - length {
            let end = start + length;
            let inside = |&(from, to, _): &(usize, usize, Word)| from <= start && end <= to;
            if found.iter().any(inside) {
                continue;
            }
            let run = words.get(start..end).unwrap_or_default().concat();
            let reach = match (start == 0, end == words.len()) {
                (true, true) => 0,
                (false, true) => 8,
                (true, false) => 12,
                (false, false) => 25,
            };
            let word = term(&run).map(|word| (word, reach)).or_else(|| {
                let compound = (length == 1).then(|| compound(&run)).flatten();
                compound.map(|word| (word, reach + 15))
            });
            if let Some((word, less)) = word {
                found.push((start, end, Word { strength: word.strength.saturating_sub(less), ..word }));
            }
        }
    }
    let mut words: Vec<Word> = found.into_iter().map(|(.., word)| word).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.strength));
    let mut seen = Vec::new();
    words.retain(|word| {
        !seen.contains(&word.kind) && {
            seen.push(word.kind);
            true
        }
    });
    words
}

fn term(run: &str) -> Option<Word> {
    terms().find(|word| word.term == run)
}

/// German, Dutch and Polish write words together: `Lieferstrasse`, `telefonprivat`. The end of a compound
/// says what it is.
fn compound(run: &str) -> Option<Word> {
    const SHORTEST: usize = 5;
    let long = || terms().filter(|word| word.term.len() >= SHORTEST);
    let longest = |word: &Word| word.term.len();
    long().filter(|word| run.ends_with(word.term)).max_by_key(longest).or_else(|| {
        long()
            .filter(|word| run.starts_with(word.term))
            .max_by_key(longest)
            .map(|word| Word { strength: word.strength.saturating_sub(10), ..word })
    })
}

fn terms() -> impl Iterator<Item = Word> {
    TERMS.iter().flat_map(|&(kind, strength, terms)| {
        terms.split_ascii_whitespace().map(move |term| Word { kind, strength, term })
    })
}

/// Lower-case words without accents, without digits, without small words (unless there is nothing else).
fn words(header: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = header.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next_is_lower = chars.peek().is_some_and(|next| next.is_lowercase());
        let bump = c.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_lower));
        if bump || !c.is_alphabetic() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && c.is_alphabetic()
        {
            word.push(c);
        }
        before = c;
    }
    let words: Vec<String> = words.iter().filter(|word| !word.is_empty()).map(|word| fold(word)).collect();
    let telling: Vec<String> = words.iter().filter(|word| !SMALL.contains(&word.as_str())).cloned().collect();
    if telling.is_empty() { words } else { telling }
}

/// Lower case, and letters without their marks.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|&c| !is_combining_mark(c)).flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' => folded.push('d'),
            'ı' => folded.push('i'),
            c => folded.push(c),
        }
    }
    folded
}

const SMALL: [&str; 30] = [
    "of", "the", "de", "da", "do", "das", "dos", "del", "della", "di", "du", "des", "la", "le", "les", "el",
    "los", "las", "der", "die", "den", "van", "het", "d", "l", "z", "ze", "w", "your", "customer",
];

/// Kind, strength when the term is the whole header, and the terms. Where a term stands in two rows, the
/// first one counts.
const TERMS: &[(Kind, u8, &str)] = &[
    (
        Kind::Email,
        95,
        "email emailaddress mail mailaddress emailadresse mailadresse courriel adressemail adresseemail \
         adressecourriel mel correo correoelectronico direccioncorreo direccioncorreoelectronico \
         enderecoemail correioeletronico postaelettronica indirizzoemail emailadres adresemail \
         adrespocztyelektronicznej poczta",
    ),
    (
        Kind::Phone,
        92,
        "phone phonenumber telephone telephonenumber telephoneno phoneno tel telno telnr mobile \
         mobilephone mobilenumber cell cellphone fax faxnumber landline whatsapp contactnumber msisdn \
         telefon telefonnummer telefonnr rufnummer mobil mobilnummer mobiltelefon mobilfunk handy \
         handynummer festnetz telefax faxnummer portable mobiletelephone numerotelephone numtel \
         telefono numerotelefono movil telefonomovil celular telefone numerotelefone telemovel fone \
         cellulare numerocellulare recapitotelefonico telefoonnummer telefoon telefoonnr mobiel gsm \
         numertelefonu nrtelefonu komorka komorkowy telefonkomorkowy",
    ),
    (
        Kind::GivenName,
        94,
        "firstname givenname forename fname first given middlename vorname rufname zweitername prenom \
         nombrepila primernombre primeironome prenome nomeproprio nomebattesimo voornaam roepnaam imie \
         imiona",
    ),
    (
        Kind::FamilyName,
        94,
        "lastname familyname surname lname secondname last nachname familienname zuname geburtsname \
         nomfamille nomusage patronyme apellido apellidos primerapellido sobrenome apelido ultimonome \
         cognome achternaam familienaam nazwisko",
    ),
    (
        Kind::FullName,
        92,
        "fullname contactname personname holdername accountholder recipientname clientname displayname \
         vollername vollstaendigername vollstandigername namevorname vornamename vorundnachname \
         kundenname ansprechpartner kontaktname empfanger nomcomplet nomprenom prenomnom nomclient \
         nombrecompleto nombreapellido nombreapellidos nombrecliente nomecompleto nomecliente \
         nomecognome cognomenome nominativo volledigenaam klantnaam contactpersoon imienazwisko \
         imieinazwisko",
    ),
    (
        Kind::Company,
        92,
        "company companyname organisation organization organisationname organizationname employer \
         business businessname legalname firma firmenname unternehmen arbeitgeber societe entreprise \
         raisonsociale organisme empresa nombreempresa razonsocial nomeempresa razaosocial azienda \
         ragionesociale societa ditta bedrijf bedrijfsnaam werkgever nazwafirmy przedsiebiorstwo \
         pracodawca",
    ),
    (
        Kind::PostalCode,
        94,
        "postalcode postcode zip zipcode plz postleitzahl codepostal cp codigopostal cep codicepostale \
         cap kodpocztowy codpostal zippostal zippostalcode",
    ),
    (
        Kind::Country,
        92,
        "country countryname countrycode countryregion nation land landeskennzeichen landercode \
         landcode laendercode pays codepays pais codigopais paese nazione codicepaese landnaam \
         landescode kraj panstwo kodkraju",
    ),
    (
        Kind::Region,
        86,
        "state province region county stateprovince stateregion prefecture bundesland kanton \
         departement etat provincia estado comunidadautonoma uf regione regiao provincie wojewodztwo \
         powiat",
    ),
    (
        Kind::City,
        92,
        "city town cityname locality placeresidence suburb ort stadt wohnort ortsname ville commune \
         localite ciudad poblacion localidad municipio cidade localidade citta comune localita stad \
         woonplaats plaats plaatsnaam miasto miejscowosc",
    ),
    (
        Kind::Street,
        90,
        "street streetaddress addressline addr streetname address homeaddress mailingaddress \
         billingaddress shippingaddress deliveryaddress postaladdress strasse strassehausnummer \
         strassenname anschrift adresse wohnadresse lieferadresse rechnungsadresse postanschrift \
         hausanschrift rue voie adressepostale adresseligne direccion calle domicilio endereco rua \
         logradouro morada indirizzo via straat straatnaam adres straathuisnummer ulica \
         adreszamieszkania ulicanumer",
    ),
    (
        Kind::Street,
        60,
        "housenumber houseno hausnummer hausnr huisnummer numerdomu numerocivico numerocalle apartment \
         appartment adresszusatz complement complementadresse complemento",
    ),
    (
        Kind::BirthDate,
        95,
        "birthdate dateofbirth datebirth dob birthday birth born geburtsdatum gebdatum geburtstag \
         geboren gebdat datenaissance datedenaissance naissance fechanacimiento nacimiento \
         datanascimento nascimento datanascita nascita geboortedatum dataurodzenia urodzenia",
    ),
    (
        Kind::NationalId,
        92,
        "nationalid nationalidnumber nationalidentificationnumber nationalinsurancenumber nino ssn \
         socialsecuritynumber socialsecurity taxid taxidnumber taxpayerid tin itin passport \
         passportnumber passportno idcard idcardnumber drivinglicence driverslicense steuerid \
         steueridentifikationsnummer idnr svnr sozialversicherungsnummer rentenversicherungsnummer \
         personalausweis personalausweisnummer ausweisnummer passnummer reisepass numerosecuritesociale \
         securitesociale nir insee carteidentite passeport dni nie nif documentoidentidad \
         numerodocumento pasaporte curp cpf rg cpfcnpj documento passaporto passaporte codicefiscale cf \
         bsn burgerservicenummer sofinummer rijksregisternummer paspoortnummer pesel dowodosobisty \
         numerdowodu numerdowoduosobistego paszport aadhaar pan personnummer",
    ),
    (
        Kind::Card,
        92,
        "card cardnumber cardno creditcard creditcardnumber debitcard ccnumber ccnum ccno kartennummer \
         kreditkarte kreditkartennummer kartennr cartebancaire numerocarte cartecredit cb tarjeta \
         tarjetacredito numerotarjeta cartao cartaocredito numerocartao carta cartacredito numerocarta \
         kaartnummer creditcardnummer numerkarty karta kartakredytowa",
    ),
    (
        Kind::Language,
        90,
        "language languagecode lang locale preferredlanguage sprache sprachcode korrespondenzsprache \
         langue idioma lengua lingua taal voorkeurstaal jezyk",
    ),
    (
        Kind::Date,
        86,
        "date datetime timestamp time createdat updatedat createdon created updated modified signupdate \
         orderdate invoicedate hiredate registered datum zeitstempel erstelltam erstellt geandertam \
         bestelldatum rechnungsdatum kundeseit eintrittsdatum datecreation fecha fechaalta \
         fechacreacion data dataalta datacriacao dataregistrazione datumaanmaak besteldatum \
         datautworzenia datazamowienia",
    ),
    (
        Kind::Choice,
        80,
        "gender sex salutation honorific type status segment category tier plan group optin newsletter \
         consent active geschlecht anrede typ kategorie kundengruppe sexe civilite statut categorie \
         sexo genero tratamiento estatus tipo categoria trattamento sesso stato genere geslacht aanhef \
         plec zwrotgrzecznosciowy kategoria rodzaj maritalstatus familienstand",
    ),
    (Kind::Choice, 55, "title titel titre titulo titolo tytul role jobtitle position"),
    (
        Kind::Number,
        82,
        "amount total price quantity qty balance sum revenue score age count betrag summe umsatz preis \
         menge anzahl saldo guthaben alter montant prix quantite solde importe precio cantidad edad \
         valor preco quantidade idade importo prezzo quantita eta bedrag prijs aantal leeftijd kwota \
         cena ilosc wiek",
    ),
    (
        Kind::FreeText,
        85,
        "notes note comment comments remark remarks description message memo notiz notizen bemerkung \
         bemerkungen kommentar beschreibung nachricht hinweis remarque remarques commentaire notas nota \
         comentario comentarios observaciones descripcion observacoes observacao descricao osservazioni \
         commento commenti descrizione opmerking opmerkingen omschrijving notitie uwagi uwaga opis \
         komentarz",
    ),
    (
        Kind::FullName,
        86,
        "name nom nombre nome naam nazwa customer client kunde cliente klant klient kontakt contact",
    ),
    (
        Kind::Identifier,
        90,
        "id key uuid guid userid accountid externalid reference ref customerid customernumber \
         customerno accountnumber membernumber memberid username login user account kundennummer \
         kundennr kundenid mitgliedsnummer benutzername konto kontonummer identifiant numeroclient \
         utilisateur identificador numerocliente usuario idcliente codigocliente codicecliente utente \
         identificativo klantnummer klantnr gebruikersnaam identyfikator numerklienta nrklienta \
         uzytkownik",
    ),
    (Kind::Identifier, 68, "number no nr num nummer numero code kennung codigo codice kod numer kenmerk"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn first(header: &str) -> Option<Kind> {
        read(header).first().map(|word| word.kind)
    }

    #[test]
    fn splits_and_folds() {
        assert_eq!(words("BillingPostalCode"), ["billing", "postal", "code"]);
        assert_eq!(words("E-Mail-Adresse"), ["e", "mail", "adresse"]);
        assert_eq!(words("Fecha de nacimiento"), ["fecha", "nacimiento"]);
        assert_eq!(words("addr_line_2"), ["addr", "line"]);
        assert_eq!(words("IDNumber"), ["id", "number"]);
        assert_eq!(words("Straße"), ["strasse"]);
        assert_eq!(words("Imię"), ["imie"]);
        assert_eq!(words("de"), ["de"]);
    }

    #[test]
    fn reads_eight_languages() {
        for (header, kind) in [
            ("FirstName", Kind::GivenName),
            ("last_name", Kind::FamilyName),
            ("E-Mail-Adresse", Kind::Email),
            ("Email Address", Kind::Email),
            ("BillingPostalCode", Kind::PostalCode),
            ("Country Code", Kind::Country),
            ("date_of_birth", Kind::BirthDate),
            ("Customer ID", Kind::Identifier),
            ("SupportRepId", Kind::Identifier),
            ("Company Name", Kind::Company),
            ("Phone Number", Kind::Phone),
            ("Nachname", Kind::FamilyName),
            ("Straße und Hausnummer", Kind::Street),
            ("Lieferstraße", Kind::Street),
            ("PLZ", Kind::PostalCode),
            ("Geburtsdatum", Kind::BirthDate),
            ("Kunden-Nr.", Kind::Identifier),
            ("Prénom", Kind::GivenName),
            ("Code postal", Kind::PostalCode),
            ("Numéro de téléphone", Kind::Phone),
            ("Date de naissance", Kind::BirthDate),
            ("Apellidos", Kind::FamilyName),
            ("Correo electrónico", Kind::Email),
            ("CEP", Kind::PostalCode),
            ("Endereço", Kind::Street),
            ("Codice fiscale", Kind::NationalId),
            ("Città", Kind::City),
            ("Achternaam", Kind::FamilyName),
            ("Woonplaats", Kind::City),
            ("Imię", Kind::GivenName),
            ("Nazwisko", Kind::FamilyName),
            ("Kod pocztowy", Kind::PostalCode),
            ("Województwo", Kind::Region),
        ] {
            assert_eq!(first(header), Some(kind), "{header}");
        }
        assert_eq!(first("xyzzy"), None);
        assert_eq!(first(""), None);
    }

    #[test]
    fn every_term_is_folded_and_can_be_found() {
        for word in terms() {
            assert_eq!(fold(word.term), word.term);
            assert!(read(word.term).iter().any(|found| found.term == word.term), "{}", word.term);
        }
    }
}
