use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{sync::Semaphore, task::yield_now};

use super::{Batcher, NotDone, SIZE, UNDER_WAY, all_or_each};

/// Doubles numbers, but not 13, a batch for each permit of the gate.
#[derive(Clone)]
struct Doubles {
    gate: Arc<Semaphore>,
    /// How much came together, batch by batch.
    sizes: Arc<Mutex<Vec<usize>>>,
}

impl Doubles {
    fn new() -> (Self, Batcher<usize, usize, String>) {
        let doubles = Self {
            gate: Arc::new(Semaphore::new(0)),
            sizes: Arc::default(),
        };
        let work = doubles.clone();
        let batcher = Batcher::start("doubles", move |numbers| {
            let work = work.clone();
            async move { work.double(numbers).await }
        });
        (doubles, batcher)
    }

    async fn double(&self, numbers: Vec<usize>) -> Result<Vec<usize>, String> {
        self.sizes.lock().unwrap().push(numbers.len());
        self.gate.acquire().await.unwrap().forget();
        if numbers.contains(&13) {
            return Err("unlucky".to_owned());
        }
        Ok(numbers.into_iter().map(|number| 2 * number).collect())
    }

    fn open(&self) {
        self.gate.add_permits(1000);
    }

    fn sizes(&self) -> Vec<usize> {
        self.sizes.lock().unwrap().clone()
    }
}

/// Everything else on this thread comes as far as it can.
async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

/// Asks for `numbers` while as many batches as may be under way are.
async fn ask_behind_others(
    doubles: &Doubles,
    batcher: &Batcher<usize, usize, String>,
    numbers: impl Iterator<Item = usize>,
) -> Vec<Result<usize, NotDone<String>>> {
    let ask = |number| {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.add(number).await })
    };
    for number in 0..UNDER_WAY {
        ask(number);
        settle().await;
    }
    let asked: Vec<_> = numbers.map(ask).collect();
    settle().await;
    doubles.open();
    let outcomes = join_all(asked).await;
    outcomes.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn what_comes_while_others_are_under_way_goes_together() {
    let (doubles, batcher) = Doubles::new();
    let outcomes = ask_behind_others(&doubles, &batcher, 100..140).await;
    for (number, outcome) in (100..140).zip(outcomes) {
        assert_eq!(outcome.unwrap(), 2 * number);
    }
    assert_eq!(doubles.sizes(), [1, 1, SIZE, 40 - SIZE]);
}

#[tokio::test]
async fn one_batch_is_under_way_where_they_take_turns() {
    let (doubles, _) = Doubles::new();
    let work = doubles.clone();
    let batcher = Batcher::start_in_turn("doubles", move |numbers| {
        let work = work.clone();
        async move { work.double(numbers).await }
    });
    let outcomes = ask_behind_others(&doubles, &batcher, 100..103).await;
    assert_eq!(outcomes.len(), 3);
    // What `ask_behind_others` asked second waited, too.
    assert_eq!(doubles.sizes(), [1, UNDER_WAY - 1 + 3]);
}

#[tokio::test]
async fn what_comes_alone_goes_at_once() {
    let (doubles, batcher) = Doubles::new();
    doubles.open();
    for number in 100..103 {
        assert_eq!(batcher.add(number).await.unwrap(), 2 * number);
    }
    assert_eq!(doubles.sizes(), [1, 1, 1]);
}

#[tokio::test]
async fn a_batch_fails_as_a_whole_and_no_other_does() {
    let (doubles, batcher) = Doubles::new();
    let outcomes = ask_behind_others(&doubles, &batcher, 12..14).await;
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        let failed = outcome.unwrap_err();
        assert!(matches!(failed, NotDone::Failed(cause) if cause == "unlucky"));
    }
    assert_eq!(doubles.sizes(), [1, 1, 2]);
    assert_eq!(batcher.add(14).await.unwrap(), 28);
}

#[tokio::test]
async fn what_can_be_repeated_fails_alone() {
    let (doubles, batcher) = Doubles::new();
    let ask = |number| {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.add_repeatable(number).await })
    };
    let mut asked = Vec::new();
    for number in [1, 2, 13, 14] {
        asked.push(ask(number));
        settle().await;
    }
    doubles.open();
    let mut outcomes = join_all(asked).await.into_iter().map(Result::unwrap);
    assert_eq!(outcomes.next().unwrap().unwrap(), 2);
    assert_eq!(outcomes.next().unwrap().unwrap(), 4);
    assert!(matches!(outcomes.next().unwrap(), Err(NotDone::Failed(_))));
    assert_eq!(outcomes.next().unwrap().unwrap(), 28);
    assert_eq!(doubles.sizes(), [1, 1, 2, 1, 1]);
    // Alone it is not repeated.
    batcher.add_repeatable(13).await.unwrap_err();
    assert_eq!(doubles.sizes().len(), 6);
}

#[tokio::test]
async fn what_does_not_end_is_given_up_and_holds_up_nobody() {
    let deadline = Duration::from_millis(50);
    let batcher: Batcher<bool, (), String> = Batcher::start_within(
        deadline,
        UNDER_WAY,
        "endless",
        |items: Vec<bool>| async move {
            if items.contains(&true) {
                pending::<()>().await;
            }
            Ok(vec![(); items.len()])
        },
    );
    for _ in 0..=UNDER_WAY {
        let outcome = batcher.add_repeatable(true).await;
        assert!(matches!(outcome, Err(NotDone::NoOutcome)));
    }
    batcher.add(false).await.unwrap();
}

#[tokio::test]
async fn work_without_an_outcome_for_each_is_not_repeated() {
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    let batcher: Batcher<(), (), String> = Batcher::start("forgetful", move |_| {
        *counted.lock().unwrap() += 1;
        async { Ok(Vec::new()) }
    });
    let outcome = batcher.add(()).await;
    assert!(matches!(outcome, Err(NotDone::NoOutcome)));
    assert_eq!(*calls.lock().unwrap(), 1);
}

#[tokio::test]
async fn what_is_too_much_goes_alone() {
    let (doubles, batcher) = Doubles::new();
    let all = 10 * SIZE * UNDER_WAY;
    let outcomes = ask_behind_others(&doubles, &batcher, 100..100 + all).await;
    for (number, outcome) in (100..).zip(outcomes) {
        assert_eq!(outcome.unwrap(), 2 * number);
    }
    let sizes = doubles.sizes();
    assert_eq!(sizes.iter().sum::<usize>(), UNDER_WAY + all);
    let alone = sizes.iter().filter(|size| **size == 1).count();
    assert!(alone > all / 2, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= SIZE), "{sizes:?}");
}

/// What becomes of `numbers`, of which none may be 13 and all fail together at 0, and how many tries it
/// takes.
async fn doubled(numbers: Vec<usize>) -> (Vec<Result<usize, &'static str>>, usize) {
    let tries = Mutex::new(0);
    let at_once = async |numbers: Vec<usize>| {
        *tries.lock().unwrap() += 1;
        match numbers.as_slice() {
            all if all.contains(&0) => Err("broken"),
            all if all.contains(&13) => Err("unlucky"),
            all => Ok(all.iter().map(|number| 2 * number).collect()),
        }
    };
    let outcomes = all_or_each(numbers, at_once, |error| *error == "unlucky").await;
    (outcomes, tries.into_inner().unwrap())
}

#[tokio::test]
async fn what_is_wrong_with_one_is_not_the_fault_of_the_others() {
    let (together, tries) = doubled(vec![1, 2]).await;
    assert_eq!((together, tries), (vec![Ok(2), Ok(4)], 1));
    let (each, tries) = doubled(vec![1, 13, 2]).await;
    assert_eq!((each, tries), (vec![Ok(2), Err("unlucky"), Ok(4)], 4));
    let (alone, tries) = doubled(vec![13]).await;
    assert_eq!((alone, tries), (vec![Err("unlucky")], 1));
    let (none, tries) = doubled(vec![1, 0, 13]).await;
    assert_eq!((none, tries), (vec![Err("broken"); 3], 1));
}
