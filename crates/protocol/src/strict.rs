//! How a server takes a field strictly, for the `TryFrom` of each request. The newtypes check the values.

use crate::error::ValueError;
use crate::field::Field;

/// The field's text, which must be there.
pub(crate) fn required<'a, T: AsRef<str>>(
    field: &'a Field<T>,
    name: &'static str,
) -> Result<&'a str, ValueError> {
    optional(field, name)?.ok_or(ValueError::new(name, "is required"))
}

/// The field's text; absent, null and empty are all "left out".
pub(crate) fn optional<'a, T: AsRef<str>>(
    field: &'a Field<T>,
    name: &'static str,
) -> Result<Option<&'a str>, ValueError> {
    match field {
        Field::Odd(_) => Err(ValueError::new(name, "must be a string")),
        field => Ok(field.get().map(AsRef::as_ref)),
    }
}

/// The field's number; absent, null and empty are all "left out".
pub(crate) fn integer<T: Copy>(field: &Field<T>, name: &'static str) -> Result<Option<T>, ValueError> {
    match field {
        Field::Odd(_) => Err(ValueError::new(name, "must be an integer")),
        field => Ok(field.get().copied()),
    }
}
