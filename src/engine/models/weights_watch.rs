//! The weights on one host's disk: looked at when its link opens, when somebody wants it, and after each work there. What has not
//! changed is not listed again.

use super::watch::ModelWatch;
use crate::engine::models_state::ModelsMsg;
use crate::models::WeightsScan;

/// Runs until it is dropped, with the link.
pub(super) async fn run(watch: ModelWatch) {
    let folders = watch.shared.models.settings.folders.clone();
    let mut scan = WeightsScan::new(folders);
    loop {
        let found = scan.look(watch.link.exec.as_ref()).await;
        watch
            .say(match found {
                Ok(report) => ModelsMsg::Weights(report),
                Err(error) => ModelsMsg::Trouble(error.to_string().into()),
            })
            .await;
        watch.link.disk.wanted().await;
    }
}
