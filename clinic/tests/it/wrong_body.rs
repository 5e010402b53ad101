//! A valid body, and all the ways in which it can be wrong.

use serde_json::{Value, json};

/// What one operation takes.
pub(crate) struct Body {
    pub(crate) operation: &'static str,
    /// A valid body, with every member that there is.
    pub(crate) whole: Value,
    /// Pointers to what must be there.
    pub(crate) required: &'static [&'static str],
    /// Pointers to what may be `null`.
    nullable: &'static [&'static str],
    /// Pointers, each with a value of the right type that breaks a rule.
    pub(crate) wrong: Vec<(&'static str, Value)>,
    /// Whether the operation can do without a body.
    pub(crate) is_optional: bool,
}

impl Body {
    pub(crate) fn new(operation: &'static str, whole: Value) -> Self {
        Self {
            operation,
            whole,
            required: &[],
            nullable: &[],
            wrong: Vec::new(),
            is_optional: false,
        }
    }

    pub(crate) fn required(self, required: &'static [&'static str]) -> Self {
        Self { required, ..self }
    }

    pub(crate) fn nullable(self, nullable: &'static [&'static str]) -> Self {
        Self { nullable, ..self }
    }

    pub(crate) fn wrong<const N: usize>(self, wrong: [(&'static str, Value); N]) -> Self {
        let wrong = wrong.into();
        Self { wrong, ..self }
    }

    pub(crate) fn optional(self) -> Self {
        Self {
            is_optional: true,
            ..self
        }
    }

    /// The whole body with one fault: a member of another type, `null`, a value that breaks a rule, or
    /// a member that is missing.
    pub(crate) fn broken(&self) -> Vec<Value> {
        let mut pointers = Vec::new();
        collect("", &self.whole, &mut pointers);
        let mut broken = Vec::new();
        for pointer in &pointers {
            let right = self.whole.pointer(pointer).unwrap();
            for other in [
                Value::Null,
                json!(true),
                json!(1),
                json!("1"),
                json!([]),
                json!({}),
            ] {
                let may_be = other.is_null() && self.nullable.contains(&pointer.as_str());
                if !may_be && !same_type(right, &other) {
                    broken.push(self.replaced(pointer, other));
                }
            }
        }
        let wrong = self.wrong.iter();
        broken.extend(wrong.map(|(pointer, value)| self.replaced(pointer, value.clone())));
        broken.extend(self.required.iter().map(|pointer| self.without(pointer)));
        broken
    }

    fn replaced(&self, pointer: &str, value: Value) -> Value {
        let mut body = self.whole.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    }

    fn without(&self, pointer: &str) -> Value {
        let mut body = self.whole.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).unwrap();
        assert!(parent.as_object_mut().unwrap().remove(name).is_some());
        body
    }
}

/// Pointers to everything below `value`.
fn collect(pointer: &str, value: &Value, pointers: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, value)| (index.to_string(), value))
                .collect()
        }
        _ => return,
    };
    for (name, value) in below {
        let pointer = format!("{pointer}/{name}");
        collect(&pointer, value, pointers);
        pointers.push(pointer);
    }
}

fn same_type(one: &Value, other: &Value) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}
