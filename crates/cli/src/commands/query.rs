//! `numcheck query`: lists the checks of a day. An empty list does not prove that nothing was submitted.

use clap::builder::BoolishValueParser;
use clap::{ArgGroup, Args};
use numcheck_nxcloud::QueryPage;
use numcheck_protocol::number_check::{self, CheckResult, QueryRequest};
use numcheck_protocol::{BatchNo, Date, Endpoint, MessageId};
use numcheck_tables::normalise;

use crate::call::{self, Network};
use crate::commands::check_line;
use crate::drift::Told;
use crate::durable::StoreAt;
use crate::exit::{Exit, Failure};
use crate::print;

/// Find checks of the last 14 days again. Costs nothing.
///
/// Prints one line a check, in the platform's order, a page of 100 every 3 seconds. That nothing is found does not prove that nothing was
/// submitted: the platform may know a check only once it is finished, and under the day on which that was.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["batch_no", "message_id"])))]
pub(crate) struct Query {
    /// The batch whose checks are wanted.
    #[arg(long, env = "NUMCHECK_BATCH_NO", hide_env_values = true, value_name = "B")]
    batch_no: Option<BatchNo>,
    /// The one check that is wanted, by its full id: in a batch of several numbers each has a suffix.
    #[arg(long, env = "NUMCHECK_MESSAGE_ID", hide_env_values = true, value_name = "M")]
    message_id: Option<MessageId>,
    /// The day, yyyy-MM-dd, presumably by China's clocks (UTC+8).
    #[arg(long, env = "NUMCHECK_DATE", hide_env_values = true, value_name = "DAY")]
    date: Date,
    /// Only checks of this number. What stands here can be seen in the list of processes.
    #[arg(long, env = "NUMCHECK_PHONE", hide_env_values = true, value_name = "NUMBER")]
    phone: Option<String>,
    /// Print one JSON object a check, with the platform's own names and values.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    store: StoreAt,
}

impl Query {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let request = self.request()?;
        let client = call::nxcloud(&self.network)?;
        let mut pages = client.number_check().query(request).pages();
        let mut told = Told::default();
        let mut found = 0_usize;
        let pace = self.store.pace_beside_jobs(&number_check::Query::INFO).await?;
        while !pages.is_done() {
            if let Some(pace) = &pace {
                pace.turn(1).await.map_err(Failure::of)?;
            }
            let Some(page) = pages.next().await else { break };
            let page = match page {
                Ok(page) => page,
                Err(error) => return call::unsuccessful(&error, self.json),
            };
            found += page.rows.len() + page.odd_rows;
            self.show(&page)?;
            told.tell(&page.drift);
        }
        if found > 0 {
            return Ok(Exit::Settled);
        }
        print::say("numcheck: nothing was found; that does not prove that nothing was submitted");
        Ok(Exit::Unsettled)
    }

    fn request(&self) -> Result<QueryRequest, Failure> {
        let mut request = match (&self.batch_no, &self.message_id) {
            (Some(batch_no), _) => QueryRequest::for_batch(self.date, batch_no.clone()),
            (None, Some(id)) => QueryRequest::for_message(self.date, id.clone()),
            (None, None) => {
                return Err(Failure::usage("--batch-no or --message-id is needed; nothing was sent"));
            }
        };
        if let Some(id) = &self.message_id {
            request = request.with_message_id(id.clone());
        }
        if let Some(phone) = &self.phone {
            let phone = normalise(phone.as_bytes())
                .map_err(|reject| Failure::usage(format!("--phone: {reject}; nothing was sent")))?;
            request = request.with_phone(phone);
        }
        Ok(request)
    }

    fn show(&self, page: &QueryPage) -> Result<(), Failure> {
        for row in &page.rows {
            if self.json {
                print::json(row)?;
            } else {
                print::data(&check_line::line(&CheckResult::from(row)))?;
            }
        }
        if page.odd_rows > 0 {
            print::say(&format!("numcheck: {} rows are no objects and are left out", page.odd_rows));
        }
        Ok(())
    }
}
