//! By which members patients are found.

use bson::{Document, doc};
use mongodb::{IndexModel, options::IndexOptions};
use shared_runtime::mongo::ensure_indexes;

use super::{
    super::patient_document::OWN_MRN, BY_SITE, BY_TAG, BY_VERSION, Patients, loosely, ordered,
    summaries::MARK,
};

impl Patients {
    /// Ensures the indexes of all queries. The first two and that of sites are the
    /// reference's, with its names; it has others, which no query of ours needs.
    pub(in crate::store) async fn prepare(&self) -> anyhow::Result<()> {
        let named = |name: &str| IndexOptions::builder().name(name.to_owned());
        let index = |keys, options| IndexModel::builder().keys(keys).options(options).build();
        let by_clinic = |keys: Document| {
            let mut all = doc! { "clinicId": 1 };
            all.extend(keys);
            all
        };
        let indexes = vec![
            index(doc! { "userId": 1 }, named("UserId").build()),
            index(
                by_clinic(doc! { "userId": 1 }),
                named("UniquePatient").unique(true).build(),
            ),
            index(
                by_clinic(doc! { "fullName": 1, "_id": 1 }),
                named("PatientFullNameIdEn").collation(loosely()).build(),
            ),
            index(
                by_clinic(doc! { "mrn": 1, "_id": 1 }),
                named("PatientMrnEn").collation(loosely()).build(),
            ),
            index(
                by_clinic(doc! { "birthDate": 1, "_id": 1 }),
                named("PatientBirthDateEn").collation(loosely()).build(),
            ),
            index(
                by_clinic(doc! { "mrn": 1 }),
                named("UniqueMrnEn")
                    .unique(true)
                    .collation(loosely())
                    .partial_filter_expression(doc! { OWN_MRN: true })
                    .build(),
            ),
            index(
                by_clinic(doc! { "_lane": 1, "_version": 1 }),
                named(BY_VERSION).build(),
            ),
            index(
                doc! { "userId": 1, "fullName": 1, "_id": 1 },
                named("UserFullNameIdEn").collation(loosely()).build(),
            ),
            index(by_clinic(doc! { "tags": 1 }), named(BY_TAG).build()),
            index(by_clinic(doc! { "sites.id": 1 }), named(BY_SITE).build()),
            index(
                by_clinic(doc! { ordered::ACTIVE: 1, "_id": 1 }),
                named("PatientReports")
                    .partial_filter_expression(doc! { ordered::ACTIVE: true })
                    .build(),
            ),
            index(
                by_clinic(doc! { MARK: 1 }),
                named("SummaryMark")
                    .partial_filter_expression(doc! { MARK: { "$exists": true } })
                    .build(),
            ),
            index(
                doc! { "summary.cgmStats.id": 1 },
                named("CgmSummary").sparse(true).build(),
            ),
            index(
                doc! { "summary.bgmStats.id": 1 },
                named("BgmSummary").sparse(true).build(),
            ),
        ];
        ensure_indexes(&self.documents, indexes).await
    }
}
