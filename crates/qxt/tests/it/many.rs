//! Many queries at once: on a paused clock and over connections in memory, so that "nothing moves any more" is certain.

use futures_util::StreamExt;
use numcheck_qxt::{CallErrorKind, Client, Sent};
use numcheck_sandbox::{Sandbox, Service};

use crate::common::{MockRequest, client, client_in_memory, mobile, mobiles};

/// The number that a request asks about.
fn asked(request: &MockRequest) -> String {
    let body = String::from_utf8(request.seen.body.clone()).unwrap();
    body.rsplit_once("&mobile=").unwrap().1.to_owned()
}

fn answer(request: MockRequest) {
    let number = asked(&request);
    request.answer(format!(
        r#"{{"code":0,"reason":"Succ","result":{{"Mobile":"{number}","Status":"隐私号"}}}}"#
    ));
}

#[tokio::test(start_paused = true)]
async fn never_more_than_allowed_are_under_way_and_each_answer_is_its_own() {
    for at_once in [0, 1, 3, 10, 64, usize::MAX] {
        let most = at_once.clamp(1, 10);
        let (client, mut platform) = client_in_memory(false);
        let call = tokio::spawn(client.check_many(mobiles(10), at_once).collect::<Vec<_>>());
        let mut waiting = platform.waiting().await;
        assert_eq!(waiting.len(), most, "as many as allowed");
        let mut answered = 0;
        while let Some(last) = waiting.pop() {
            answer(last);
            answered += 1;
            waiting.extend(platform.waiting().await);
            assert!(waiting.len() <= most, "{} under way", waiting.len());
        }
        assert_eq!(answered, 10);
        let mut answers = call.await.unwrap();
        for (mobile, answer) in &answers {
            let answer = answer.as_ref().unwrap();
            assert_eq!(answer.mobile.as_ref().unwrap().as_str(), mobile.digits(), "each its own answer");
        }
        answers.sort_by_key(|(mobile, _)| *mobile);
        assert_eq!(answers.iter().map(|(mobile, _)| *mobile).collect::<Vec<_>>(), mobiles(10));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_handed_over_while_an_earlier_query_is_still_slow() {
    let (client, mut platform) = client_in_memory(false);
    let mut many = client.check_many(mobiles(3), 2);
    let under_way = many.under_way();
    let (first, slow) = tokio::join!(many.next(), async {
        let mut waiting = platform.waiting().await;
        waiting.sort_by_key(asked);
        answer(waiting.remove(1));
        waiting.remove(0)
    });
    assert_eq!(first.unwrap().0, mobiles(3)[1]);
    assert_eq!(under_way.list(), [mobiles(3)[0]], "the slow one holds nothing back");
    // The place is taken by the third, whose answer comes before the slow one's, too.
    let (second, ()) = tokio::join!(many.next(), async { answer(platform.request().await) });
    assert_eq!(second.unwrap().0, mobiles(3)[2]);
    answer(slow);
    assert_eq!(many.next().await.unwrap().0, mobiles(3)[0]);
    assert!(many.next().await.is_none() && under_way.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn stopping_asks_nothing_more_and_loses_no_answer() {
    let (client, mut platform) = client_in_memory(false);
    let mut many = client.check_many(mobiles(10), 3);
    let (first, rest) = tokio::join!(many.next(), async {
        let mut waiting = platform.waiting().await;
        answer(waiting.remove(0));
        waiting
    });
    assert!(first.is_some());
    many.stop_asking();
    rest.into_iter().for_each(answer);
    let mut drained = 0;
    while let Some((_, answer)) = many.next().await {
        assert!(answer.is_ok());
        drained += 1;
    }
    assert_eq!(drained, 2);
    assert!(platform.waiting().await.is_empty(), "nothing more was asked");
}

#[tokio::test(start_paused = true)]
async fn it_is_a_stream_like_any_other() {
    let (client, mut platform) = client_in_memory(false);
    let answers = client.check_many(mobiles(4), 2).collect::<Vec<_>>();
    let (answers, ()) = tokio::join!(answers, async {
        for _ in 0..4 {
            answer(platform.request().await);
        }
    });
    assert_eq!(answers.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_becomes_free_is_taken_at_once() {
    let (client, mut platform) = client_in_memory(false);
    let call = tokio::spawn(client.check_many(mobiles(10), 3).collect::<Vec<_>>());
    let mut waiting = platform.waiting().await;
    for left in (0..10).rev() {
        answer(waiting.remove(0));
        waiting.extend(platform.waiting().await);
        assert_eq!(waiting.len(), left.min(3));
    }
    assert_eq!(call.await.unwrap().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn one_failure_does_not_stop_the_others() {
    let (client, mut platform) = client_in_memory(false);
    let call = tokio::spawn(client.check_many(mobiles(5), 2).collect::<Vec<_>>());
    for _ in 0..5 {
        let request = platform.request().await;
        match mobiles(5).iter().position(|mobile| mobile.digits() == asked(&request)).unwrap() {
            1 => request.answer(r#"{"code":-4,"reason":"nothing"}"#),
            2 => request.hang_up(),
            3 => request.answer_with("502 Bad Gateway", "", "<html>"),
            _ => answer(request),
        }
    }
    let mut answers = call.await.unwrap();
    answers.sort_by_key(|(mobile, _)| *mobile);
    let kinds: Vec<_> =
        answers.iter().map(|(_, answer)| answer.as_ref().err().map(|error| error.kind())).collect();
    let (refused, lost, none) = (CallErrorKind::Refused, CallErrorKind::Transport, CallErrorKind::NoAnswer);
    assert_eq!(kinds, [None, Some(refused), Some(lost), Some(none), None]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_before_the_first_next_nor_ahead_of_what_is_taken() {
    let (client, mut platform) = client_in_memory(false);
    let mut many = client.check_many(mobiles(6), 2);
    assert!(platform.waiting().await.is_empty());

    let (first, ()) = tokio::join!(many.next(), async {
        for _ in 0..2 {
            answer(platform.request().await);
        }
    });
    assert!(mobiles(6)[..2].contains(&first.unwrap().0));
    assert!(platform.waiting().await.is_empty(), "the third is not asked before somebody wants it");
    assert_eq!(format!("{many:?}"), "ManyCalls { at_once: 2, under_way: 1, stopped: false, .. }");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_of_next_loses_nothing() {
    let (client, mut platform) = client_in_memory(false);
    let mut many = client.check_many(mobiles(2), 1);
    tokio::select! {
        biased;
        _ = many.next() => panic!("nobody answered"),
        request = platform.request() => {
            assert_eq!(asked(&request), mobiles(2)[0].digits());
            answer(request);
        }
    }
    let (first, answer) = many.next().await.unwrap();
    assert_eq!((first, answer.unwrap().is_privacy()), (mobiles(2)[0], Some(true)));
    assert!(platform.waiting().await.is_empty(), "it was not asked again");
}

#[tokio::test(start_paused = true)]
async fn dropping_it_stops_the_asking_and_leaves_a_list_of_what_may_have_been_paid_for() {
    let (client, mut platform) = client_in_memory(false);
    let many = client.check_many(mobiles(10), 3);
    let under_way = many.under_way();
    assert!(under_way.list().is_empty(), "nothing is asked before the first `next`");
    let call = tokio::spawn(many.collect::<Vec<_>>());
    let waiting = platform.waiting().await;
    assert_eq!(waiting.len(), 3);
    call.abort();
    waiting.into_iter().for_each(answer);
    assert!(platform.waiting().await.is_empty());
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(under_way.list(), mobiles(3));
    assert_eq!(format!("{under_way:?}"), "UnderWay { items: 3 }");
}

#[tokio::test]
async fn many_over_tcp_are_charged_once_each() {
    let sandbox = Sandbox::start().await.unwrap();
    let numbers = ["18819079212", "18466849135", "13800000904", "13800000414", "13800000421"].map(mobile);
    let mut answers = client(&sandbox).check_many(numbers, 3).collect::<Vec<_>>().await;
    answers.sort_by_key(|(mobile, _)| numbers.iter().position(|number| number == mobile));
    let privacy: Vec<_> = answers
        .iter()
        .map(|(_, answer)| answer.as_ref().ok().and_then(|answer| answer.is_privacy()))
        .collect();
    assert_eq!(privacy, [Some(false), Some(true), None, Some(true), Some(false)]);
    assert_eq!(answers[2].1.as_ref().unwrap_err().sent(), Sent::Yes);
    assert_eq!(sandbox.ledger().count(Service::Privacy, 0), 4);
    assert_eq!(sandbox.journal().requests().count(), 5);
}

#[test]
fn many_can_be_sent_to_another_thread_and_borrow_no_client() {
    fn spawns(_: impl Future<Output = impl Send> + Send + 'static) {}
    let client = || Client::builder("k".parse().unwrap()).build().unwrap();
    spawns(client().check_many(mobiles(1), 1).collect::<Vec<_>>());
    spawns(async move { client().check_many(mobiles(3).into_iter().skip(1), 1).next().await });
    spawns(client().check(mobile("18819079212")));
}
