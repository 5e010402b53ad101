//! Medical record numbers: whether a clinic's patients have one, and each its own.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a clinic asks of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct MrnSettings {
    /// Every patient has one.
    pub(crate) required: bool,
    /// No two patients have the same.
    pub(crate) unique: bool,
}

impl MrnSettings {
    /// Whether the clinic asks for a number, and none is given.
    pub(crate) fn lacks(self, mrn: Option<&str>) -> bool {
        self.required && mrn.is_none_or(str::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::MrnSettings;

    #[test]
    fn a_number_is_missing_where_it_is_required_alone() {
        let required = MrnSettings {
            required: true,
            unique: false,
        };
        assert!(required.lacks(None) && required.lacks(Some("")));
        assert!(!required.lacks(Some("1")));
        assert!(!MrnSettings::default().lacks(None));
    }
}
