//! Everything that can happen next. Each decision is the product's own; a guard is taken out by what it is told or by not asking it.

use numcheck_bulk::BatchState::{self, Accepted, InDoubt, Planned, Sending};
use numcheck_bulk::proof::{
    Absence, ControlCandidate, Doubt, Judgement, ProofRules, SignedSpan, after_lease, days, is_control,
    judge, may_confirm, may_end, may_plan_again,
};
use numcheck_protocol::Date;

use crate::exhaustive::world::{
    Acceptance, At, Batch, Control, Empty, Guard, OLD, RESENDS, Runner, State, UNIT_MS, World,
};

/// One step, for people who read a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // Read through `Debug`.
pub(crate) enum Step {
    Begin,
    TimePasses,
    Claims { claim: u8 },
    ConfirmsAndSends { claim: u8, written: Option<u8>, ts: u8 },
    EndsUnsent { claim: u8 },
    EndsAccepted { claim: u8 },
    EndsTurnedAway { claim: u8 },
    LeaseExpires,
    PlatformAccepts { claim: u8 },
    PlatformTurnsAway { claim: u8 },
    PlatformRefusesTs { claim: u8 },
    PlatformAnswersUnclearly { claim: u8, charged: bool },
    UnclearReplyIsLost { claim: u8 },
    ControlIsShown { control: Control },
    QueryFindsBatch,
    QueryFindsNothing { until: u8, clean: bool },
    IsJudgedUnknown,
    IsPlannedAgain,
}

/// A world with what follows from it once and for all.
pub(crate) struct Model {
    world: World,
    rules: ProofRules,
    calendar: Vec<Date>,
    /// What the product asks for, by the first signature and the end, and which days of the calendar that is.
    days: Vec<Vec<(Vec<Date>, u16)>>,
}

impl Model {
    pub(crate) fn new(world: World) -> Self {
        let calendar = world.calendar();
        assert!(calendar.len() <= 16, "{calendar:?}");
        let asked = |first, until| {
            let days = days(world.span(first, first), world.ms(until));
            let bit = |(place, day): (usize, &Date)| u16::from(days.contains(day)) << place;
            let mask = calendar.iter().enumerate().map(bit).sum();
            (days, mask)
        };
        let times = OLD..=world.end;
        let days =
            times.clone().map(|first| times.clone().map(|until| asked(first, until)).collect()).collect();
        Self { world, rules: world.rules(), calendar, days }
    }

    /// Adds every next state.
    pub(crate) fn steps(&self, state: &State, next: &mut Vec<(Step, State)>) {
        if state.now < self.world.end {
            next.push((Step::TimePasses, State { now: state.now + 1, ..*state }));
        }
        for claim in 1..=self.world.claims {
            self.runner(state, claim, next);
        }
        match state.batch.state {
            Planned => self.claim(state, next),
            Sending => {
                // Leases are local time: they may expire at any moment.
                let confirmed = state.batch.confirmed && self.has(Guard::ConfirmedIsDoubt);
                let batch = Batch { state: after_lease(confirmed), ..state.batch };
                next.push((Step::LeaseExpires, State { batch, ..*state }));
            }
            InDoubt => {
                self.control(state, next);
                self.question(state, next);
                self.judgement(state, next);
            }
            _ => {}
        }
        self.plan_again(state, next);
        for (_, state) in next {
            self.tidy(state);
        }
    }

    fn has(&self, guard: Guard) -> bool {
        self.world.has(guard)
    }

    fn claim(&self, state: &State, next: &mut Vec<(Step, State)>) {
        let claim = state.batch.claim + 1;
        if claim <= self.world.claims {
            let batch = Batch { state: Sending, claim, confirmed: false, ..state.batch };
            let mut after = State { batch, ..*state };
            *slot(&mut after, claim) = Runner { at: At::Claimed, number: batch.number, ..Runner::default() };
            next.push((Step::Claims { claim }, after));
        }
    }

    fn runner(&self, state: &State, claim: u8, next: &mut Vec<(Step, State)>) {
        let (step, end) = match state.runners[usize::from(claim) - 1].at {
            At::Idle => return,
            At::Waiting => return self.delivery(state, claim, next),
            At::Claimed => {
                self.sending(state, claim, next);
                (Step::EndsUnsent { claim }, Planned)
            }
            At::Accepted => (Step::EndsAccepted { claim }, Accepted),
            At::TurnedAway => (Step::EndsTurnedAway { claim }, Planned),
        };
        next.extend(self.ends(state, claim, end).map(|state| (step, state)));
    }

    /// What a clock may show: it steps either way at any time.
    fn readings(&self, now: u8) -> impl Iterator<Item = u8> + use<> {
        std::iter::once(OLD).chain(now - 1..=(now + self.world.ahead).min(self.world.end))
    }

    fn sending(&self, state: &State, claim: u8, next: &mut Vec<(Step, State)>) {
        let (batch, runner) = (&state.batch, state.runners[usize::from(claim) - 1]);
        let confirms = self.confirms(runner);
        if !self.may_send(state, claim) {
            return;
        }
        for written in self.readings(state.now) {
            let mut sent = *state;
            if confirms {
                sent.batch.confirmed = true;
                sent.batch.signed = Some(self.signed(batch.signed, written));
            }
            let mut sends = |ts| {
                *slot(&mut sent, claim) = Runner { at: At::Waiting, ts, ..runner };
                next.push((Step::ConfirmsAndSends { claim, written: confirms.then_some(written), ts }, sent));
            };
            if self.has(Guard::SignWhatWasWritten) {
                sends(written);
            } else {
                self.readings(state.now).for_each(sends);
            }
        }
    }

    fn confirms(&self, runner: Runner) -> bool {
        self.has(Guard::ConfirmWrites) && (self.has(Guard::ConfirmRepeat) || !runner.repeats)
    }

    fn may_send(&self, state: &State, claim: u8) -> bool {
        let confirms = self.confirms(state.runners[usize::from(claim) - 1]);
        !confirms
            || !self.has(Guard::ConfirmCompares)
            || may_confirm(state.batch.state, &claim, &state.batch.claim)
    }

    fn signed(&self, before: Option<(u8, u8)>, ts: u8) -> (u8, u8) {
        match before {
            Some((first, last)) if !self.world.keeps_latest => (first.min(ts), last.max(ts)),
            _ => (ts, ts),
        }
    }

    /// The state after the runner has written down an end, if it may.
    fn ends(&self, state: &State, claim: u8, end: BatchState) -> Option<State> {
        let batch = &state.batch;
        let runner = &state.runners[usize::from(claim) - 1];
        // Where the guard is taken out, the `batchNo` is still compared.
        let in_store = if self.has(Guard::EndCompares) { batch.claim } else { claim };
        let allowed = may_end(batch.state, &claim, &in_store) && runner.number == batch.number;
        allowed.then(|| {
            let mut after = *state;
            *slot(&mut after, claim) = Runner::default();
            after.batch.state = end;
            after
        })
    }

    /// The request arrives, whenever that is.
    fn delivery(&self, state: &State, claim: u8, next: &mut Vec<(Step, State)>) {
        let runner = state.runners[usize::from(claim) - 1];
        let answered = |at| {
            let mut state = *state;
            *slot(&mut state, claim) = Runner { at, ts: 0, ..runner };
            state
        };
        if !self.world.takes(runner.ts, state.now) {
            let mut refused = answered(At::Claimed);
            slot(&mut refused, claim).repeats = true;
            next.push((Step::PlatformRefusesTs { claim }, refused));
            return;
        }
        let accepted = |at, listed| {
            let mut state = answered(at);
            state.twice = state.acceptance.is_some();
            let acceptance = Acceptance { number: runner.number, at: state.now, listed };
            state.acceptance = state.acceptance.or(Some(acceptance));
            state
        };
        next.push((Step::PlatformAccepts { claim }, accepted(At::Accepted, true)));
        next.push((Step::PlatformTurnsAway { claim }, answered(At::TurnedAway)));
        if self.world.unclear_replies {
            for (charged, answered) in [(false, answered(At::Idle)), (true, accepted(At::Idle, false))] {
                // Written down at once: the documentation of `proof` says that it rests on this.
                if let Some(mut after) = self.ends(&answered, claim, InDoubt) {
                    after.batch.from_reply = true;
                    next.push((Step::PlatformAnswersUnclearly { claim, charged }, after));
                }
            }
        }
        if self.world.loses_unclear_replies {
            next.push((Step::UnclearReplyIsLost { claim }, accepted(At::Idle, false)));
        }
    }

    /// What the query shows of other batches. Each is the latest that can be seen so far: none becomes a control sooner.
    fn control(&self, state: &State, next: &mut Vec<(Step, State)>) {
        if !self.world.may_ask {
            return;
        }
        let [one, both] = self.world.control_delays;
        let seen = |delay, shown| Control { at: state.now.saturating_sub(delay), accepted: true, shown };
        let refused = Control { at: state.now, accepted: false, shown: 2 };
        let listed = self.world.lists_refused.then_some(refused);
        let mut sees = |control| {
            // What was asked before was not asked after this one.
            let absence = state.absence.filter(|_| !self.has(Guard::AskedAfter));
            let after = State { control: Some(control), absence, ..*state };
            next.push((Step::ControlIsShown { control }, after));
        };
        // One of its phone numbers is never shown where its check fails and failures are not listed.
        let is_whole = self.world.lists_failures || !self.world.control_fails;
        let shown = [seen(one, 1), seen(both, 2)].into_iter().take(if is_whole { 2 } else { 1 });
        for control in shown.chain(listed) {
            if is_control(&self.doubt(&state.batch), &self.candidate(control), &self.rules) {
                sees(control);
            }
        }
        if state.control.is_none() {
            // An early one, taken for a control by a caller who did not look closely.
            sees(Control { at: 0, accepted: true, shown: 2 });
        }
    }

    /// A batch as a control is judged by, or as if a guard were not there.
    fn candidate(&self, control: Control) -> ControlCandidate {
        let ahead = if self.world.takes_any_ts_ahead { self.world.end } else { 1 };
        let ms = self.world.ms(control.at + ahead);
        let first_ms = match self.world.without {
            Some(Guard::ControlLater) => u64::MAX,
            // As if it were one unit later than it is.
            Some(Guard::ControlMuchLater) => ms + UNIT_MS,
            _ => ms,
        };
        ControlCandidate {
            signed: SignedSpan::at(first_ms),
            accepted: control.accepted || !self.has(Guard::ControlAccepted),
            taken: 2,
            shown: if self.has(Guard::ControlWhole) { control.shown.into() } else { 2 },
            failures_shown: self.world.control_fails || !self.has(Guard::FailureShown),
        }
    }

    /// A control that nothing is wrong with.
    fn any_control() -> ControlCandidate {
        let signed = SignedSpan::at(u64::MAX);
        ControlCandidate { signed, accepted: true, taken: 2, shown: 2, failures_shown: true }
    }

    fn doubt(&self, batch: &Batch) -> Doubt {
        let signed = batch.signed.map(|(first, last)| self.world.span(first, last));
        Doubt { signed, from_reply: batch.from_reply && self.has(Guard::FromReply) }
    }

    /// All days are asked for at once: a batch is only ever shown later, so nothing is easier to overlook than that.
    fn question(&self, state: &State, next: &mut Vec<(Step, State)>) {
        let Some((first, last)) = state.batch.signed else { return };
        let after_control =
            state.control.is_some() || !self.has(Guard::AskedAfter) || !self.has(Guard::Control);
        let filed = self.filed(state);
        let mut before = None;
        // The local clock, by which the days are chosen.
        for until in last..=self.world.end {
            let (told, days) = &self.days[usize::from(first)][usize::from(until)];
            let (days, asked) = (*days, if self.has(Guard::AskedByTs) { state.now - 1 } else { until });
            if before.replace((days, asked)) == Some((days, asked)) {
                continue;
            }
            let really = || self.really_asked(told, first, last);
            let finds = filed.is_some_and(|day| self.world.ignores_date || really().contains(&day));
            let mut empty = |clean| {
                let told_clean = clean || !self.has(Guard::Clean);
                let empty = Empty { after_control, clean: told_clean, days, asked };
                // What is no proof beside any control plays no role.
                if self.judge(state, Some(Self::any_control()), Some(empty)) == Judgement::Unknown {
                    let absence = Some(empty);
                    next.push((Step::QueryFindsNothing { until, clean }, State { absence, ..*state }));
                }
            };
            if self.world.contradicts {
                empty(false);
            }
            if finds {
                let batch = Batch { state: Accepted, ..state.batch };
                next.push((Step::QueryFindsBatch, State { batch, ..*state }));
            } else {
                empty(true);
            }
        }
    }

    /// The day under which the query would show the batch now, if it would.
    fn filed(&self, state: &State) -> Option<Date> {
        let world = &self.world;
        let acceptance = state.acceptance?;
        let shown_at = acceptance.at + world.delay;
        let remembered = world.memory.is_none_or(|memory| state.now < acceptance.at + memory);
        let is_listed = acceptance.listed && (world.lists_failures || !world.batch_fails);
        let shown = world.may_ask && is_listed && shown_at <= state.now && remembered;
        (shown && acceptance.number == state.batch.number)
            .then(|| world.filed(if world.dated_by_result { shown_at } else { acceptance.at }))
    }

    /// The days that are asked for where some are left out.
    fn really_asked<'a>(&self, told: &'a [Date], first: u8, last: u8) -> &'a [Date] {
        let (mut from, mut to) = (0, told.len());
        if !self.has(Guard::AllDays) {
            (from, to) = (1, 2);
        }
        from += usize::from(!self.has(Guard::DayBefore));
        to -= usize::from(!self.has(Guard::DayAfter));
        if !self.has(Guard::DaysUntil) {
            to = self.days[usize::from(first)][usize::from(last)].0.len();
        }
        &told[from..to]
    }

    fn judge(&self, state: &State, control: Option<ControlCandidate>, empty: Option<Empty>) -> Judgement {
        let days: Vec<Date> = self
            .calendar
            .iter()
            .enumerate()
            .filter(|(place, _)| empty.is_some_and(|empty| empty.days & 1 << place != 0))
            .map(|(_, day)| *day)
            .collect();
        let absence = empty.map(|Empty { after_control, clean, asked, .. }| Absence {
            after_control,
            days: &days,
            asked_ms: self.world.ms(asked),
            clean,
        });
        judge(&self.doubt(&state.batch), control.as_ref(), absence.as_ref(), &self.rules)
    }

    fn judgement(&self, state: &State, next: &mut Vec<(Step, State)>) {
        let control = if self.has(Guard::Control) {
            state.control.map(|control| self.candidate(control))
        } else {
            Some(Self::any_control())
        };
        if matches!(self.judge(state, control, state.absence), Judgement::Unknown | Judgement::NeverSent) {
            let judged = Some(state.batch.claim);
            next.push((Step::IsJudgedUnknown, State { judged, ..*state }));
        }
    }

    fn plan_again(&self, state: &State, next: &mut Vec<(Step, State)>) {
        let Some(judged) = state.judged else { return };
        let batch = &state.batch;
        let judged = if self.has(Guard::PlanAgainCompares) { judged } else { batch.claim };
        if batch.number < RESENDS && may_plan_again(batch.state, &judged, &batch.claim) {
            // A new `batchNo`, of which nothing was signed.
            let batch = Batch { number: batch.number + 1, claim: batch.claim, ..Batch::at(Planned) };
            next.push((Step::IsPlannedAgain, State { batch, judged: None, ..*state }));
        }
    }

    /// Makes states the same that differ only in what plays no role any more. What can play none is for the product to say: whichever
    /// state the batch gets into under its claim.
    fn tidy(&self, state: &mut State) {
        let batch = &mut state.batch;
        if batch.state == Accepted {
            *batch = Batch { number: batch.number, ..Batch::at(Accepted) };
        }
        let batch = state.batch;
        let ever = |may: fn(BatchState, &u8, &u8) -> bool, held: u8| {
            [Planned, Sending, InDoubt].into_iter().any(|state| may(state, &held, &batch.claim))
        };
        for claim in 1..=self.world.claims {
            let runner = state.runners[usize::from(claim) - 1];
            if runner.at == At::Waiting && runner.ts + 1 < state.now {
                // It can only be refused.
                slot(state, claim).ts = OLD;
            }
            if matches!(runner.at, At::Idle | At::Waiting) {
                continue;
            }
            let ends = runner.number == batch.number && ever(may_end, claim);
            let confirms = self.confirms(runner) && self.has(Guard::ConfirmCompares);
            let sends = runner.at == At::Claimed && (!confirms || ever(may_confirm, claim));
            if !ends && !sends && self.has(Guard::EndCompares) {
                *slot(state, claim) = Runner::default();
            }
        }
        if batch.state != InDoubt || batch.number == RESENDS {
            state.control = None;
            state.absence = None;
        }
        let compares = self.has(Guard::PlanAgainCompares);
        state.judged = state.judged.filter(|judged| !compares || ever(may_plan_again, *judged));
    }
}

fn slot(state: &mut State, claim: u8) -> &mut Runner {
    &mut state.runners[usize::from(claim) - 1]
}
