//! Customer number n: the same six values on every machine and in every store that is compared.
//!
//! Values are of usual length and distinct where customers' are (e-mail, telephone). They are made from the number
//! alone, so that a search knows what to ask for and an answer can be judged. Nobody has them: the mail domain is
//! reserved (RFC 2606) and the telephone numbers lie in an area code that Poland has not given out.

use std::io::Write;

/// Where imported customers begin, out of the way of created ones.
pub(crate) const IMPORTED: u64 = 1_000_000_000;

const GIVEN: &[&str] =
    &["Ada", "Björn", "Chloé", "Dörte", "Émile", "Franziska", "Grażyna", "Håkan", "Inês", "Jiří"];
const FAMILY: &[&str] = &[
    "Abendroth",
    "Brandão",
    "Čapková",
    "Dalgaard",
    "Ekström",
    "Fontaine",
    "Górecki",
    "Hübner",
    "Ibáñez",
    "Jankowska",
];
const STREETS: &[&str] =
    &["Lindenstraße", "Rua das Flores", "Mill Lane", "Storgatan", "rue de la Paix", "Dlouhá"];
const CITIES: &[&str] = &["Lübeck", "Évora", "Norwich", "Umeå", "Besançon", "Třebíč", "Kraków"];
const NOTES: &str =
    "Prefers deliveries after five; asked about the spring catalogue in March and wants no calls.";

/// The values of one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Customer {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) street: String,
    pub(crate) city: &'static str,
    pub(crate) postal_code: String,
    pub(crate) birth_date: String,
    pub(crate) notes: &'static str,
}

impl Customer {
    pub(crate) fn new(number: u64) -> Self {
        let mixed = mix(number);
        Self {
            name: format!("{} {}", pick(GIVEN, mixed), pick(FAMILY, mixed >> 8)),
            email: email(number),
            phone: format!("+4828{:07}", number % 10_000_000),
            street: format!("{} {}", pick(STREETS, mixed >> 16), 1 + (mixed >> 24) % 150),
            city: pick(CITIES, mixed >> 32),
            postal_code: format!("{:05}", mixed % 100_000),
            birth_date: format!(
                "{}-{:02}-{:02}",
                1940 + mixed % 65,
                1 + (mixed >> 40) % 12,
                1 + (mixed >> 48) % 28
            ),
            notes: NOTES,
        }
    }

    /// `{"street":…}`
    pub(crate) fn address(&self) -> String {
        let Self { street, city, postal_code, .. } = self;
        format!(r#"{{"street":"{street}","city":"{city}","postal_code":"{postal_code}","country":"DE"}}"#)
    }

    /// Appends `{"fields":{…}}`. No value holds a character that JSON would escape.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        let Self { name, email, phone, birth_date, notes, .. } = self;
        let address = self.address();
        // A vector takes everything that is written to it.
        let _ = write!(
            out,
            r#"{{"fields":{{"name":"{name}","email":"{email}","phone":"{phone}","address":{address},"birth_date":"{birth_date}","notes":"{notes}"}}}}"#
        );
    }

    /// A line of the file that is imported; see [`CSV_HEADER`].
    pub(crate) fn csv(&self) -> String {
        let Self { name, email, phone, street, city, postal_code, birth_date, notes } = self;
        format!("{name},{email},{phone},{street},{city},{postal_code},DE,{birth_date},{notes}\n")
    }
}

/// The columns of [`Customer::csv`].
pub(crate) const CSV_HEADER: &str = "Name,Email,Phone,Street,City,PostalCode,Country,BirthDate,Notes\n";

/// How the columns become fields, as `avouch import --map` takes it.
pub(crate) const CSV_MAP: &[&str] = &[
    "Name=name",
    "Email=email",
    "Phone=phone",
    "Street=address.street",
    "City=address.city",
    "PostalCode=address.postal_code",
    "Country=address.country",
    "BirthDate=birth_date",
    "Notes=notes",
];

/// The end of every e-mail address.
pub(crate) const MAIL_DOMAIN: &str = "@bench.example";

/// The address of customer `number`; all have the same length.
pub(crate) fn email(number: u64) -> String {
    format!("customer-{number:010}{MAIL_DOMAIN}")
}

fn pick<'l>(list: &[&'l str], drawn: u64) -> &'l str {
    let index = usize::try_from(drawn & 0xffff).unwrap_or_default() % list.len().max(1);
    list.get(index).copied().unwrap_or_default()
}

/// The finaliser of SplitMix64: neighbours get values that have nothing in common.
pub(crate) fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_customer_is_one_line_of_csv_and_one_object_of_json() {
        let customer = Customer::new(7);
        let mut json = Vec::new();
        customer.write_json(&mut json);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["fields"]["email"], customer.email);
        assert_eq!(json["fields"]["address"]["city"], customer.city);
        assert_eq!(json["fields"].as_object().unwrap().len(), 6);
        assert_eq!(customer.csv().matches(',').count(), CSV_HEADER.matches(',').count());
        assert_eq!(CSV_MAP.len(), CSV_HEADER.split(',').count());
    }

    #[test]
    fn what_is_unique_is_unique() {
        let mut seen = HashSet::new();
        for number in (0..5_000).chain(IMPORTED..IMPORTED + 5_000) {
            assert!(seen.insert(Customer::new(number).email));
        }
    }
}
