//! Permission sets: what a request may ask for, how grants add up, and when one set is part of
//! another.

use serde_json::{Map, Number, Value};
use shared_types::{PermissionSet, ROOT, is_kept};

use super::content::InvalidContent;

/// A set of more names is a mistake or an attack: the vocabulary has eight.
pub(crate) const MAX_NAMES: usize = 64;

/// Levels of objects and arrays in a set, the set itself included. Real values nest one or two.
pub(super) const MAX_DEPTH: usize = 16;

/// Integers up to here are exact in a double, so both spellings of one mean the same.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// What a grantee has on a sharer's account.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Held {
    /// Granted to the grantee itself.
    pub(crate) direct: PermissionSet,
    /// Granted to clinics that the grantee works for.
    pub(crate) by_clinics: PermissionSet,
}

impl Held {
    /// What the owner of an account has on it.
    pub(crate) fn by_owner() -> Self {
        Self {
            direct: root(),
            by_clinics: PermissionSet::default(),
        }
    }

    /// Everything held, from whatever source.
    pub(crate) fn effective(self) -> PermissionSet {
        let mut all = self.direct;
        merge(&mut all, self.by_clinics);
        all
    }
}

/// The set that the owner of an account has on it.
pub(crate) fn root() -> PermissionSet {
    PermissionSet::of(&[ROOT])
}

/// The set that a request body asks to store. A blank body, `null` and `{}` ask for none.
pub(crate) fn requested(body: &[u8]) -> Result<PermissionSet, InvalidContent> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(PermissionSet::default());
    }
    match serde_json::from_slice(body).map_err(|error| InvalidContent::Syntax(error.to_string()))? {
        Value::Null => Ok(PermissionSet::default()),
        Value::Object(names) => storable(PermissionSet(names)),
        _ => Err(InvalidContent::NotAnObject),
    }
}

/// `set` as it is stored: without `root`, which is never granted, and in one spelling. Every other
/// name must be one that can be granted, and every value come back as it is.
pub(crate) fn storable(mut set: PermissionSet) -> Result<PermissionSet, InvalidContent> {
    set.0.remove(ROOT);
    check_members(&set)?;
    let set = set.in_one_spelling();
    let unknown: Vec<String> = set.unknown_names().map(str::to_owned).collect();
    if !unknown.is_empty() {
        return Err(InvalidContent::UnknownNames(unknown));
    }
    if !set.0.values().all(holds_kept_numbers) {
        return Err(InvalidContent::Number);
    }
    Ok(set)
}

/// What can be stored of `set`, which was offered when other names and numbers were taken: names
/// that nobody can be granted are left out, numbers get the form in which they come back.
pub(crate) fn storable_part(mut set: PermissionSet) -> Result<PermissionSet, InvalidContent> {
    set.0.remove(ROOT);
    check_members(&set)?;
    let mut set = set.grantable();
    set.0.values_mut().for_each(normalize_numbers);
    Ok(set)
}

/// Adds `other` to `set`: the union of the names; objects are merged name by name, of two other
/// values the later one stays. `null` is the absence of a grant, so it replaces nothing.
pub(crate) fn merge(set: &mut PermissionSet, other: PermissionSet) {
    if set.is_empty() {
        *set = other;
    } else {
        merge_members(&mut set.0, other.0);
    }
}

/// Whether `part` has no name that `whole` lacks and no value that differs.
pub(crate) fn is_part(part: &PermissionSet, whole: &PermissionSet) -> bool {
    let whole = whole.clone().in_one_spelling();
    part.0
        .iter()
        .all(|(name, value)| whole.0.get(name) == Some(value))
}

fn merge_members(members: &mut Map<String, Value>, others: Map<String, Value>) {
    for (name, later) in others {
        match (members.get_mut(&name), later) {
            (Some(Value::Object(earlier)), Value::Object(later)) => merge_members(earlier, later),
            (Some(_), Value::Null) => {}
            (Some(earlier), later) => *earlier = later,
            (None, later) => {
                members.insert(name, later);
            }
        }
    }
}

/// Whether a document can hold the members of `set`: not too many, objects, and not too deep.
fn check_members(set: &PermissionSet) -> Result<(), InvalidContent> {
    if set.0.len() > MAX_NAMES {
        return Err(InvalidContent::TooLarge);
    }
    if !set.0.values().all(Value::is_object) {
        return Err(InvalidContent::ValueNotAnObject);
    }
    check_names(&set.0, MAX_DEPTH - 1)
}

/// Refuses names that a document database gives a meaning of its own.
fn check_names(members: &Map<String, Value>, levels: usize) -> Result<(), InvalidContent> {
    members.iter().try_for_each(|(name, member)| {
        if name.is_empty() || name.starts_with('$') || name.contains(['.', '\0']) {
            return Err(InvalidContent::Name);
        }
        check_names_within(member, levels)
    })
}

fn check_names_within(value: &Value, levels: usize) -> Result<(), InvalidContent> {
    match value {
        Value::Object(_) | Value::Array(_) if levels == 0 => Err(InvalidContent::TooLarge),
        Value::Object(members) => check_names(members, levels - 1),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| check_names_within(item, levels - 1)),
        _ => Ok(()),
    }
}

fn holds_kept_numbers(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.values().all(holds_kept_numbers),
        Value::Array(items) => items.iter().all(holds_kept_numbers),
        Value::Number(number) => is_kept(number),
        _ => true,
    }
}

fn normalize_numbers(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(normalize_numbers),
        Value::Array(items) => items.iter_mut().for_each(normalize_numbers),
        Value::Number(number) => *number = normal_number(number),
        _ => {}
    }
}

fn normal_number(number: &Number) -> Number {
    match (number.as_i64(), number.as_f64()) {
        (None, Some(double)) => number_from_double(double).unwrap_or_else(|| number.clone()),
        _ => number.clone(),
    }
}

/// A double as JSON writes it: a whole number without a fraction. `None` for what is no number.
pub(crate) fn number_from_double(double: f64) -> Option<Number> {
    if double.fract() == 0.0 && double.abs() <= MAX_EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within the exact range"
        )]
        return Some(Number::from(double as i64));
    }
    Number::from_f64(double)
}

#[cfg(test)]
mod tests;
