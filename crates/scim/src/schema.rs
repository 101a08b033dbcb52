//! The attributes of users and groups that are kept, as RFC 7643 defines them. An attribute that is not here is not kept: of what an
//! identity provider knows of somebody, most is nobody's business here.

/// A kind of resource.
#[derive(Debug)]
pub struct Schema {
    /// Its URN.
    pub urn: &'static str,
    /// `User` or `Group`.
    pub name: &'static str,
    /// Where its resources are: `Users` or `Groups`.
    pub endpoint: &'static str,
    /// For people.
    pub about: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
    /// Attributes that the RFC has and that are not kept: whoever sends them is not told that they are wrong.
    pub(crate) unkept: &'static [&'static str],
}

/// One attribute, or a part of one.
#[derive(Debug)]
pub struct Attribute {
    /// Its name, in its one spelling.
    pub name: &'static str,
    /// What it is.
    pub of: Type,
    /// Whether it has several values.
    pub many: bool,
    /// Whether it must be there.
    pub required: bool,
    /// Whether capitals matter when it is compared.
    pub exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// Whether no two resources have the same.
    pub unique: bool,
    /// For people.
    pub about: &'static str,
    /// Its parts, if it is complex.
    pub parts: &'static [Self],
    /// Values that are usual.
    pub usual: &'static [&'static str],
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// Parts with names.
    Complex,
    /// A moment.
    DateTime,
    /// The URI of a resource of this type.
    Reference(&'static str),
}

impl Type {
    /// Its word in a schema.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Complex => "complex",
            Self::DateTime => "dateTime",
            Self::Reference(_) => "reference",
        }
    }
}

/// Who may change an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Clients.
    ReadWrite,
    /// Clients, once.
    Immutable,
    /// The server alone.
    ReadOnly,
}

impl Mutability {
    /// Its word in a schema.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::ReadOnly => "readOnly",
        }
    }
}

impl Attribute {
    /// A part of it, however its name is capitalised.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&'static Self> {
        self.parts.iter().find(|part| part.name.eq_ignore_ascii_case(name))
    }
}

impl Schema {
    /// An attribute, however its name is capitalised: one of its own, or one that all resources have.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().chain(COMMON).find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// Whether the RFC has an attribute of this name that is not kept here.
    pub(crate) fn leaves_out(&self, name: &str) -> bool {
        self.unkept.iter().any(|unkept| unkept.eq_ignore_ascii_case(name))
    }
}

const TEXT: Attribute = Attribute {
    name: "",
    of: Type::String,
    many: false,
    required: false,
    exact: false,
    mutability: Mutability::ReadWrite,
    unique: false,
    about: "",
    parts: &[],
    usual: &[],
};
const READ: Attribute = Attribute { mutability: Mutability::ReadOnly, ..TEXT };
const ONCE: Attribute = Attribute { mutability: Mutability::Immutable, ..TEXT };

/// What every resource has (RFC 7643, 3.1).
static COMMON: &[Attribute] = &[
    Attribute { name: "id", exact: true, about: "Its id here", ..READ },
    Attribute { name: "externalId", exact: true, about: "Its id at the client", ..TEXT },
    Attribute {
        name: "meta",
        of: Type::Complex,
        about: "What is known of the resource itself",
        parts: &[
            Attribute { name: "resourceType", exact: true, ..READ },
            Attribute { name: "created", of: Type::DateTime, ..READ },
            Attribute { name: "lastModified", of: Type::DateTime, ..READ },
            Attribute { name: "location", exact: true, ..READ },
            Attribute { name: "version", exact: true, ..READ },
        ],
        ..READ
    },
    Attribute { name: "schemas", many: true, exact: true, about: "Which schemas it is of", ..READ },
];

/// Somebody who works here.
pub static USER: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    endpoint: "Users",
    about: "Somebody who works here",
    attributes: &[
        Attribute {
            name: "userName",
            required: true,
            unique: true,
            about: "What they log in with, kept in small letters",
            ..TEXT
        },
        Attribute {
            name: "name",
            of: Type::Complex,
            about: "Their name",
            parts: &[
                Attribute { name: "formatted", about: "All of it", ..TEXT },
                Attribute { name: "familyName", about: "The family's", ..TEXT },
                Attribute { name: "givenName", about: "Their own", ..TEXT },
            ],
            ..TEXT
        },
        Attribute { name: "displayName", about: "Their name as colleagues see it", ..TEXT },
        Attribute { name: "active", of: Type::Boolean, about: "Whether they may act", ..TEXT },
        Attribute {
            name: "emails",
            of: Type::Complex,
            many: true,
            about: "Addresses at work",
            parts: &[
                Attribute { name: "value", about: "The address", ..TEXT },
                Attribute {
                    name: "type",
                    about: "What it is for",
                    usual: &["work", "home", "other"],
                    ..TEXT
                },
                Attribute {
                    name: "primary",
                    of: Type::Boolean,
                    about: "Whether it is the first to use",
                    ..TEXT
                },
            ],
            ..TEXT
        },
        Attribute {
            name: "groups",
            of: Type::Complex,
            many: true,
            about: "Groups they are in: changed at the group",
            parts: &[
                Attribute { name: "value", exact: true, about: "The group's id", ..READ },
                Attribute {
                    name: "$ref",
                    of: Type::Reference("Group"),
                    exact: true,
                    about: "The group",
                    ..READ
                },
                Attribute { name: "display", about: "The group's name", ..READ },
            ],
            ..READ
        },
    ],
    unkept: &[
        "nickName",
        "profileUrl",
        "title",
        "userType",
        "preferredLanguage",
        "locale",
        "timezone",
        "password",
        "phoneNumbers",
        "ims",
        "photos",
        "addresses",
        "entitlements",
        "roles",
        "x509Certificates",
    ],
};

/// A set of people to whom the charter may give a role.
pub static GROUP: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    endpoint: "Groups",
    about: "People to whom the charter gives a role by the group's name",
    attributes: &[
        Attribute {
            name: "displayName",
            required: true,
            unique: true,
            about: "The name that a role of the charter may have among its `groups`",
            ..TEXT
        },
        Attribute {
            name: "members",
            of: Type::Complex,
            many: true,
            about: "Who is in it",
            parts: &[
                Attribute { name: "value", exact: true, about: "The user's id", ..ONCE },
                Attribute {
                    name: "$ref",
                    of: Type::Reference("User"),
                    exact: true,
                    about: "The user",
                    ..ONCE
                },
                Attribute { name: "type", about: "`User`", usual: &["User"], ..ONCE },
            ],
            ..TEXT
        },
    ],
    unkept: &[],
};
