//! What Xealth brings and asks about: a file for each collection.

mod orders;
mod preorders;
mod views;

use mongodb::Database;

use self::{orders::Orders, preorders::Preorders, views::Views};

pub(crate) use self::{
    orders::{KeptOrder, check_can_keep},
    views::View,
};

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Xealth {
    pub(crate) preorders: Preorders,
    pub(crate) orders: Orders,
    pub(crate) views: Views,
}

impl Xealth {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            preorders: Preorders::on(database),
            orders: Orders::on(database),
            views: Views::on(database),
        }
    }

    /// Ensures the indexes of all.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        self.preorders.prepare().await?;
        self.orders.prepare().await?;
        self.views.prepare().await
    }
}
