//! The mails that there are.

/// The purposes of a mail, by the `templateName` of the confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Template {
    SignUp,
    SignUpClinic,
    SignUpCustodial,
    SignUpCustodialByClinic,
    SignUpCustodialNewClinic,
    PasswordReset,
    AccountChange,
    NoAccount,
    CareTeam,
    CareTeamWithAlerting,
    Clinician,
    PatientToClinic,
    ClinicCreated,
    ClinicianRoles,
    UploadReminder,
    ConnectionRequest,
    MigrationStarted,
    MigrationCompleted,
}

impl Template {
    pub(crate) const ALL: [Self; 18] = [
        Self::SignUp,
        Self::SignUpClinic,
        Self::SignUpCustodial,
        Self::SignUpCustodialByClinic,
        Self::SignUpCustodialNewClinic,
        Self::PasswordReset,
        Self::AccountChange,
        Self::NoAccount,
        Self::CareTeam,
        Self::CareTeamWithAlerting,
        Self::Clinician,
        Self::PatientToClinic,
        Self::ClinicCreated,
        Self::ClinicianRoles,
        Self::UploadReminder,
        Self::ConnectionRequest,
        Self::MigrationStarted,
        Self::MigrationCompleted,
    ];

    /// The stored `templateName`; its files are called so too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SignUp => "signup_confirmation",
            Self::SignUpClinic => "signup_clinic_confirmation",
            Self::SignUpCustodial => "signup_custodial_confirmation",
            Self::SignUpCustodialByClinic => "signup_custodial_clinic_confirmation",
            Self::SignUpCustodialNewClinic => "signup_custodial_new_clinic_experience_confirmation",
            Self::PasswordReset => "password_reset",
            Self::AccountChange => "account_change",
            Self::NoAccount => "no_account",
            Self::CareTeam => "careteam_invitation",
            Self::CareTeamWithAlerting => "careteam_invitation_with_alerting",
            Self::Clinician => "clinician_invitation",
            Self::PatientToClinic => "patient_clinic_invitation",
            Self::ClinicCreated => "clinic_created",
            Self::ClinicianRoles => "clinician_permissions_updated",
            Self::UploadReminder => "patient_upload_reminder",
            Self::ConnectionRequest => "patient_connection_request",
            Self::MigrationStarted => "clinic_migration_started",
            Self::MigrationCompleted => "clinic_migration_completed",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|template| template.name() == name)
    }
}
