//! A queue that is fair between sources: a place in it comes up source by source, so that one that
//! asks for much waits for itself and not for others.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Gives out turns, so many at once.
pub(crate) struct FairQueue<K: Copy + Eq + Hash> {
    lines: Mutex<Lines<K>>,
    bounds: Bounds,
}

/// How many there may be at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Turns.
    pub(crate) turns: usize,
    /// Waiting callers of one source.
    pub(crate) per_source: usize,
    /// Waiting callers of all sources.
    pub(crate) total: usize,
}

/// The waiting callers: a line for each source.
struct Lines<K: Copy + Eq + Hash> {
    turns_taken: usize,
    by_source: HashMap<K, Line<K>>,
    /// The sources in the order in which the next of each has its turn. One whose line has become
    /// empty is passed over.
    order: VecDeque<K>,
}

type Line<K> = VecDeque<oneshot::Sender<Turn<K>>>;

/// A turn; over when it is dropped.
pub(crate) struct Turn<K: Copy + Eq + Hash> {
    /// `None`: it was handed on.
    queue: Option<Arc<FairQueue<K>>>,
}

impl<K: Copy + Eq + Hash> FairQueue<K> {
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            lines: Mutex::new(Lines {
                turns_taken: 0,
                by_source: HashMap::new(),
                order: VecDeque::new(),
            }),
            bounds,
        })
    }

    /// Waits for a turn; `None` when too many of the source wait already, or of all and this source
    /// has its share of them.
    pub(crate) async fn turn(self: &Arc<Self>, source: K) -> Option<Turn<K>> {
        let place = {
            let mut lines = self.lines();
            if lines.turns_taken < self.bounds.turns {
                lines.turns_taken += 1;
                return Some(self.new_turn());
            }
            lines.line_up(source, self.bounds)?
        };
        // It is closed when the place is taken away for the sake of another source.
        place.await.ok()
    }

    /// Ends a turn: the next one who still waits has it.
    fn hand_on(self: &Arc<Self>) {
        loop {
            let next = self.lines().next();
            let Some(next) = next else {
                return;
            };
            let Err(mut refused) = next.send(self.new_turn()) else {
                return;
            };
            // Nobody waits there any more, and this turn is still to be handed on.
            refused.queue = None;
        }
    }

    fn new_turn(self: &Arc<Self>) -> Turn<K> {
        Turn {
            queue: Some(self.clone()),
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines<K>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for Turn<K> {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.hand_on();
        }
    }
}

impl<K: Copy + Eq + Hash> Lines<K> {
    /// Takes a place at the end of the line of `source`; `None` when there is none.
    fn line_up(&mut self, source: K, bounds: Bounds) -> Option<oneshot::Receiver<Turn<K>>> {
        self.drop_those_who_left();
        let own = self.by_source.get(&source).map_or(0, VecDeque::len);
        if own >= bounds.per_source {
            return None;
        }
        let waiting: usize = self.by_source.values().map(VecDeque::len).sum();
        if waiting >= bounds.total {
            // Whoever has the most gives the last one up to whoever has fewer.
            let longest = self.by_source.values_mut().max_by_key(|line| line.len())?;
            if longest.len() <= own + 1 {
                return None;
            }
            longest.pop_back();
        }
        let (sender, receiver) = oneshot::channel();
        self.by_source.entry(source).or_default().push_back(sender);
        if !self.order.contains(&source) {
            self.order.push_back(source);
        }
        Some(receiver)
    }

    /// The next one in the line of the next source; `None`: nobody waits, and the turn is free.
    fn next(&mut self) -> Option<oneshot::Sender<Turn<K>>> {
        while let Some(source) = self.order.pop_front() {
            let Some(line) = self.by_source.get_mut(&source) else {
                continue;
            };
            let next = line.pop_front();
            if line.is_empty() {
                self.by_source.remove(&source);
            } else {
                self.order.push_back(source);
            }
            if next.is_some() {
                return next;
            }
        }
        self.turns_taken -= 1;
        None
    }

    fn drop_those_who_left(&mut self) {
        for line in self.by_source.values_mut() {
            line.retain(|place| !place.is_closed());
        }
        self.by_source.retain(|_, line| !line.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, task::Poll};

    use futures_util::FutureExt;

    use super::{Bounds, FairQueue, Turn};

    type Queue = Arc<FairQueue<char>>;
    type Waiting = std::pin::Pin<Box<dyn Future<Output = Option<Turn<char>>>>>;

    fn queue(turns: usize, per_source: usize, total: usize) -> Queue {
        FairQueue::new(Bounds {
            turns,
            per_source,
            total,
        })
    }

    /// A caller from `source` who has asked for a turn.
    fn ask(queue: &Queue, source: char) -> Waiting {
        let queue = queue.clone();
        let mut waiting: Waiting = Box::pin(async move { queue.turn(source).await });
        match (&mut waiting).now_or_never() {
            None => waiting,
            Some(answer) => Box::pin(async move { answer }),
        }
    }

    /// Whether a turn was given, where that is decided.
    fn answer(waiting: &mut Waiting) -> Poll<Option<Turn<char>>> {
        waiting.now_or_never().map_or(Poll::Pending, Poll::Ready)
    }

    fn is_refused(waiting: &mut Waiting) -> bool {
        matches!(answer(waiting), Poll::Ready(None))
    }

    fn given(waiting: &mut Waiting) -> Turn<char> {
        match answer(waiting) {
            Poll::Ready(Some(turn)) => turn,
            _ => panic!("no turn"),
        }
    }

    #[test]
    fn a_newcomer_has_the_next_turn_however_many_of_another_source_wait() {
        let queue = queue(1, 500, 500);
        let first = given(&mut ask(&queue, 'a'));
        let mut many: Vec<Waiting> = (0..400).map(|_| ask(&queue, 'a')).collect();
        let mut newcomer = ask(&queue, 'b');
        assert!(answer(&mut newcomer).is_pending());
        drop(first);
        let second = given(&mut many[0]);
        assert!(answer(&mut newcomer).is_pending());
        drop(second);
        drop(given(&mut newcomer));
        for waiting in &mut many[1..] {
            drop(given(waiting));
        }
        drop(given(&mut ask(&queue, 'c')));
    }

    #[test]
    fn sources_have_their_turns_one_after_another() {
        let queue = queue(1, 10, 10);
        let mut turn = given(&mut ask(&queue, 'a'));
        let mut waiting: Vec<(char, Waiting)> = "aaabbc"
            .chars()
            .map(|source| (source, ask(&queue, source)))
            .collect();
        let mut order = String::new();
        while !waiting.is_empty() {
            drop(turn);
            let (index, next) = waiting
                .iter_mut()
                .enumerate()
                .find_map(|(index, (_, waiting))| match answer(waiting) {
                    Poll::Ready(Some(turn)) => Some((index, turn)),
                    _ => None,
                })
                .expect("the next one");
            turn = next;
            order.push(waiting.remove(index).0);
        }
        assert_eq!(order, "abcaba");
    }

    #[test]
    fn too_many_of_one_source_are_refused_and_others_are_not() {
        let queue = queue(1, 2, 10);
        let _turn = given(&mut ask(&queue, 'a'));
        let _two = [ask(&queue, 'a'), ask(&queue, 'a')];
        assert!(is_refused(&mut ask(&queue, 'a')));
        assert!(answer(&mut ask(&queue, 'b')).is_pending());
    }

    #[test]
    fn where_all_places_are_taken_the_longest_line_gives_up_its_last() {
        let queue = queue(1, 10, 3);
        let _turn = given(&mut ask(&queue, 'a'));
        let mut line = [ask(&queue, 'a'), ask(&queue, 'a'), ask(&queue, 'a')];
        let mut newcomer = ask(&queue, 'b');
        assert!(answer(&mut newcomer).is_pending());
        assert!(is_refused(&mut line[2]));
        assert!(answer(&mut line[1]).is_pending());
        // Now two of `a` and one of `b` wait: nobody has more than a fair share to give up.
        assert!(is_refused(&mut ask(&queue, 'b')));
        assert!(is_refused(&mut ask(&queue, 'a')));
    }

    #[test]
    fn those_who_left_have_no_turn_and_hold_no_place() {
        let queue = queue(1, 2, 10);
        let turn = given(&mut ask(&queue, 'a'));
        let gone = [ask(&queue, 'a'), ask(&queue, 'a')];
        drop(gone);
        let mut stays = ask(&queue, 'a');
        let left = ask(&queue, 'a');
        drop(left);
        drop(turn);
        let turn = given(&mut stays);
        // A turn that was given and never taken goes on to the next one.
        let (not_taken, mut last) = (ask(&queue, 'b'), ask(&queue, 'c'));
        drop(turn);
        assert!(answer(&mut last).is_pending());
        drop(not_taken);
        drop(given(&mut last));
        drop(given(&mut ask(&queue, 'd')));
    }
}
