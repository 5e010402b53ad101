//! What Xealth asks about a patient: which form somebody fills in before something is ordered, what is
//! ordered, and where somebody in a hospital sees the report.

pub(crate) mod asked;
pub(crate) mod demographics;
pub(crate) mod form;
pub(crate) mod notification;
pub(crate) mod preorder;
pub(crate) mod program;
pub(crate) mod viewer;

use serde_json::Value;

/// The text at a pointer, without white space around it; `None`: there is none, or it is empty.
fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    let text = value.pointer(pointer)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// The items at a pointer; none where there is no list.
fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let items = value.pointer(pointer).and_then(Value::as_array);
    items.into_iter().flatten()
}
