//! What an order asks for, and about whom.

use chrono::{Months, NaiveDate};
use shared_types::dates;

use crate::domain::{
    Refusal,
    ehr_settings::{ProcedureCodes, RecordTags},
    labels::TagName,
    matching::Sought,
};

/// Below this age, in years, the address of a guarantor stands for that of the patient, who cannot have an
/// account alone.
const AGE_OF_OWN_ACCOUNT: u32 = 13;

/// An order, as far as it is of interest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// Where it comes from.
    pub(crate) source_id: Option<String>,
    /// Whether it is about nobody.
    pub(crate) is_test: bool,
    /// What the patient is called where, in the order of the message.
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) birth_date: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    /// The patient's first address.
    pub(crate) email: Option<String>,
    /// The first one of who pays.
    pub(crate) guarantor_email: Option<String>,
    /// What is ordered.
    pub(crate) procedure_code: Option<String>,
    /// What the clinic says beside it; `None`: the message has no such part.
    pub(crate) clinical_info: Option<Vec<ClinicalInfo>>,
}

/// What a patient is called somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identifier {
    pub(crate) id: Option<String>,
    pub(crate) kind: Option<String>,
}

/// Something that the clinic says beside an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClinicalInfo {
    pub(crate) code: Option<String>,
    pub(crate) value: Option<String>,
}

/// What an order asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    EnableReports,
    DisableReports,
    CreateAccount,
    CreateAccountAndEnableReports,
}

impl Action {
    /// The name, as it is stored and shown.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EnableReports => "enableReports",
            Self::DisableReports => "disableReports",
            Self::CreateAccount => "createAccount",
            Self::CreateAccountAndEnableReports => "createAccountAndEnableReports",
        }
    }
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

impl Order {
    /// What it asks for, in the codes of the clinic; `None`: in none of them.
    pub(crate) fn action(&self, codes: &ProcedureCodes) -> Option<Action> {
        let ordered = filled(self.procedure_code.as_ref())?;
        [
            (&codes.enable_summary_reports, Action::EnableReports),
            (&codes.disable_summary_reports, Action::DisableReports),
            (&codes.create_account, Action::CreateAccount),
            (
                &codes.create_account_and_enable_reports,
                Action::CreateAccountAndEnableReports,
            ),
        ]
        .into_iter()
        .find(|(code, _)| code.as_deref() == Some(ordered))
        .map(|(_, action)| action)
    }

    /// The medical record number: the first identifier of the kind that the clinic says.
    pub(crate) fn mrn(&self, kind: &str) -> Option<&str> {
        let mut identifiers = self.identifiers.iter();
        let of_kind = identifiers.find(|identifier| {
            let known = identifier.kind.as_deref().unwrap_or_default();
            known.eq_ignore_ascii_case(kind)
        });
        filled(of_kind?.id.as_ref())
    }

    /// The first and the last name, as far as they are there.
    pub(crate) fn full_name(&self) -> Option<String> {
        let names = [&self.first_name, &self.last_name];
        let names: Vec<&str> = names
            .into_iter()
            .filter_map(|name| filled(name.as_ref()))
            .collect();
        (!names.is_empty()).then(|| names.join(" "))
    }

    /// By what the patient is looked for; `None`: without a medical record number there is nobody.
    pub(crate) fn sought(&self, mrn_kind: &str) -> Result<Option<Sought>, Refusal> {
        let Some(mrn) = self.mrn(mrn_kind) else {
            return Ok(None);
        };
        let birth_date = filled(self.birth_date.as_ref()).ok_or(Refusal::BirthDateMissing)?;
        Ok(Some(Sought {
            mrn: mrn.to_owned(),
            birth_date: birth_date.to_owned(),
            full_name: self.full_name().ok_or(Refusal::FullNameMissing)?,
        }))
    }

    /// The address of an account that is made for the patient, who is told apart by age on the day
    /// `today`.
    pub(crate) fn account_address(&self, today: NaiveDate) -> Option<&str> {
        let born = self.birth_date.as_deref().and_then(dates::parse);
        let grown_up = born.and_then(|born| {
            let months = Months::new(12 * AGE_OF_OWN_ACCOUNT);
            born.checked_add_months(months)
        });
        let is_child = grown_up.is_some_and(|day| day > today);
        let email = if is_child {
            &self.guarantor_email
        } else {
            &self.email
        };
        email
            .as_deref()
            .map(str::trim)
            .filter(|email| !email.is_empty())
    }

    /// The names of the tags that the patient is to have and no others; `None`: they stay as they are.
    /// What is no name of a tag is left out.
    pub(crate) fn tags(&self, settings: &RecordTags) -> Option<Vec<TagName>> {
        let codes = settings.codes.as_deref().unwrap_or_default();
        if codes.is_empty() {
            return None;
        }
        let said = self.clinical_info.as_deref()?.iter();
        let said = said.filter(|info| info.code.as_ref().is_some_and(|code| codes.contains(code)));
        let values = said.filter_map(|info| info.value.as_deref());
        let separator = settings
            .separator
            .as_deref()
            .filter(|text| !text.is_empty());
        let texts = values.flat_map(|value| match separator {
            Some(separator) => value.split(separator).collect(),
            None => vec![value],
        });
        let mut names: Vec<TagName> = Vec::new();
        for name in texts.filter_map(|text| TagName::try_from(text.trim().to_owned()).ok()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::{Action, ClinicalInfo, Identifier, Order};
    use crate::domain::{
        Refusal,
        ehr_settings::{ProcedureCodes, RecordTags},
    };

    #[expect(clippy::unnecessary_wraps, reason = "all members are optional")]
    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn identifier(kind: &str, id: &str) -> Identifier {
        let (id, kind) = (text(id), text(kind));
        Identifier { id, kind }
    }

    #[test]
    fn an_order_asks_in_the_codes_of_the_clinic() {
        let codes = ProcedureCodes {
            enable_summary_reports: text("ON"),
            disable_summary_reports: text("OFF"),
            create_account: text("NEW"),
            create_account_and_enable_reports: text(""),
        };
        let action = |code: &str| {
            let procedure_code = text(code);
            let order = Order {
                procedure_code,
                ..Order::default()
            };
            order.action(&codes)
        };
        assert_eq!(action("ON"), Some(Action::EnableReports));
        assert_eq!(action("OFF"), Some(Action::DisableReports));
        assert_eq!(action("NEW"), Some(Action::CreateAccount));
        assert_eq!((action("on"), action("")), (None, None));
        assert_eq!(Order::default().action(&codes), None);
    }

    #[test]
    fn who_is_sought_has_a_number_a_day_and_a_name() {
        let mut order = Order {
            identifiers: vec![
                identifier("EHRID", "1"),
                identifier("mr", "2"),
                identifier("MR", "3"),
            ],
            ..Order::default()
        };
        assert_eq!(order.sought("MRN"), Ok(None));
        assert_eq!(order.sought("MR"), Err(Refusal::BirthDateMissing));
        order.birth_date = text("2001-02-03");
        assert_eq!(order.sought("MR"), Err(Refusal::FullNameMissing));
        order.last_name = text("Elm");
        order.first_name = text("");
        let sought = order.sought("MR").unwrap().unwrap();
        assert_eq!(
            (sought.mrn.as_str(), sought.full_name.as_str()),
            ("2", "Elm")
        );
        order.first_name = text("Ana");
        assert_eq!(order.full_name().as_deref(), Some("Ana Elm"));
        order.identifiers[1].id = text("");
        assert_eq!(order.sought("MR"), Ok(None));
    }

    #[test]
    fn a_child_is_asked_by_who_pays() {
        let order = Order {
            birth_date: text("2010-03-01"),
            email: text(" child@example.org"),
            guarantor_email: text("parent@example.org"),
            ..Order::default()
        };
        let on = |year, month, day| {
            let today = NaiveDate::from_ymd_opt(year, month, day).unwrap();
            order.account_address(today)
        };
        assert_eq!(on(2023, 2, 28), Some("parent@example.org"));
        assert_eq!(on(2023, 3, 1), Some("child@example.org"));
        let nobody = Order::default();
        assert_eq!(nobody.account_address(NaiveDate::MAX), None);
    }

    #[test]
    fn tags_are_those_that_an_order_names() {
        let info = |code: &str, value: &str| ClinicalInfo {
            code: text(code),
            value: text(value),
        };
        let said = vec![
            info("TAGS", "North, Pump,North,,a.b"),
            info("OTHER", "South"),
            info("MORE", "West"),
        ];
        let order = Order {
            clinical_info: Some(said),
            ..Order::default()
        };
        let tags = |codes: &[&str], separator: Option<&str>| {
            let settings = RecordTags {
                codes: Some(codes.iter().copied().map(str::to_owned).collect()),
                separator: separator.map(str::to_owned),
            };
            let names = order.tags(&settings)?;
            let names = names.iter().map(|name| name.as_str().to_owned());
            Some(names.collect::<Vec<_>>())
        };
        let named = |names: &[&str]| Some(names.iter().copied().map(str::to_owned).collect());
        assert_eq!(
            tags(&["TAGS", "MORE"], Some(",")),
            named(&["North", "Pump", "West"])
        );
        assert_eq!(tags(&["TAGS"], None), named(&[]));
        assert_eq!(tags(&["NONE"], Some(",")), named(&[]));
        assert_eq!(tags(&[], Some(",")), None);
        let silent = Order::default();
        let settings = RecordTags {
            codes: Some(vec!["TAGS".to_owned()]),
            separator: None,
        };
        assert_eq!(silent.tags(&settings), None);
    }
}
