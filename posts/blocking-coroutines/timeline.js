// timeline.py in the browser, function for function; what is modelled, and what not, is said there.
// All times are whole microseconds, so both give the same to the last digit.

const SLICE = 5000;
export const TURN = 50;
export const BEAT = 10000;
export const [LOOP, THREAD, PROCESS, CONNECTION, SERVER] = [0, 1, 2, 3, 4];
export const [COMPUTES, WAITS, QUEUES] = [0, 1, 2];
export const STRATEGIES = ["sequential", "blocking", "one at a time", "default pool", "sized pool", "async, render in loop",
  "async, render in threads", "async, render in processes", "processes of threads"];

// First in, first out; shift() of a long array is slow.
class Queue {
  items = [];
  first = 0;
  get length() { return this.items.length - this.first; }
  push(item) { this.items.push(item); }
  shift() {
    const item = this.items[this.first];
    this.items[this.first] = undefined;
    this.first += 1;
    if (this.first > 1000 && 2 * this.first > this.items.length) {
      this.items = this.items.slice(this.first);
      this.first = 0;
    }
    return item;
  }
}

// Events by time, and by order of arrival at the same time: a binary heap.
class Events {
  heap = [];
  count = 0;
  before(i, j) {
    const [a, b] = [this.heap[i], this.heap[j]];
    return a.time < b.time || (a.time === b.time && a.count < b.count);
  }
  swap(i, j) { [this.heap[i], this.heap[j]] = [this.heap[j], this.heap[i]]; }
  push(time, act) {
    this.count += 1;
    let i = this.heap.push({ time, count: this.count, act }) - 1;
    for (let up; i > 0 && this.before(i, up = (i - 1) >> 1); i = up) this.swap(i, up);
  }
  pop() {
    const top = this.heap[0];
    const last = this.heap.pop();
    if (this.heap.length > 0) {
      this.heap[0] = last;
      for (let i = 0, down; (down = 2 * i + 1) < this.heap.length; i = down) {
        if (down + 1 < this.heap.length && this.before(down + 1, down)) down += 1;
        if (!this.before(down, i)) break;
        this.swap(i, down);
      }
    }
    return top;
  }
}

// A GIL: requests queue for it, unless the thread that has it goes on at once.
class Process {
  queue = new Queue();
  held = false;
  used = 0; // computing so far
  budget = 0; // what is left of the slice, while `then` is called; else 0
  onward = null;
}

// The clock, the processors, and what happened.
class Machine {
  now = 0;
  events = new Events();
  runnable = [];
  segments = [];
  constructor(cores) { this.free = cores; }
  at(time, act) { this.events.push(time, act); }
  run() {
    while (this.events.heap.length > 0) {
      const { time, act } = this.events.pop();
      this.now = time;
      act();
    }
  }
  note(kind, lane, what, start, mail) {
    if (start < this.now) this.segments.push([kind, lane, what, start, this.now, mail]);
  }
  // `keep`: the caller may have the GIL and a processor still.
  compute(process, kind, lane, mail, cost, then, keep = false) {
    const request = { kind, lane, mail, left: cost, since: this.now, then };
    if (keep && process.budget > 0) {
      process.onward = request;
      return;
    }
    process.queue.push(request);
    if (!process.held && process.queue.length === 1) this.runnable.push(process);
    this.dispatch();
  }
  dispatch() {
    while (this.free > 0 && this.runnable.length > 0) {
      this.free -= 1;
      const process = this.runnable.reduce((least, each) => (each.used < least.used ? each : least));
      this.runnable.splice(this.runnable.indexOf(process), 1);
      process.held = true;
      this.slice(process, process.queue.shift(), SLICE);
    }
  }
  slice(process, { kind, lane, mail, left, since, then }, budget) {
    const start = this.now;
    const length = Math.min(left, budget);
    this.note(kind, lane, QUEUES, since, mail);
    this.at(start + length, () => {
      this.note(kind, lane, COMPUTES, start, mail);
      process.used += length;
      if (left > length) process.queue.push({ kind, lane, mail, left: left - length, since: this.now, then });
      else {
        process.budget = budget - length;
        process.onward = null;
        then();
        process.budget = 0;
        if (process.onward !== null) {
          this.slice(process, process.onward, budget - length);
          return;
        }
      }
      this.free += 1;
      process.held = false;
      if (process.queue.length > 0) this.runnable.push(process);
      this.dispatch();
    });
  }
  wait(kind, lane, mail, time, then) {
    const start = this.now;
    this.at(start + time, () => {
      this.note(kind, lane, WAITS, start, mail);
      then();
    });
  }
}

// Runs callbacks in turn. A callback gets `done`, to call when its turn ends.
class Loop {
  ready = new Queue();
  arrived = [];
  todo = 0;
  busy = false;
  first = true;
  constructor(machine, process) {
    this.machine = machine;
    this.process = process;
  }
  soon(callback) {
    this.ready.push(callback);
    this.wake();
  }
  // What a timer or a socket brings is seen only when the loop looks again.
  arrive(callback) {
    this.arrived.push(callback);
    this.wake();
  }
  wake() {
    if (this.busy) return;
    this.busy = true;
    this.machine.at(this.machine.now, () => this.turn()); // so that what comes at the same time comes in one batch
  }
  turn() {
    if (this.todo === 0) {
      for (const callback of this.arrived.splice(0)) this.ready.push(callback);
      this.todo = this.ready.length;
      this.first = true;
    }
    if (this.todo === 0) {
      this.busy = false;
      return;
    }
    this.todo -= 1;
    this.ready.shift()(() => this.turn());
  }
  // Between callbacks the loop keeps the GIL; before it looks what has arrived, it lets go.
  compute(mail, cost, then) {
    const keep = !this.first;
    this.first = false;
    this.machine.compute(this.process, LOOP, 0, mail, TURN + cost, then, keep);
  }
}

// Workers that take jobs from one queue; the one that has been idle longest goes first.
class Pool {
  idle = new Queue();
  jobs = new Queue();
  constructor(size) { for (let worker = 0; worker < size; worker += 1) this.idle.push(worker); }
  submit(job) {
    this.jobs.push(job);
    this.next();
  }
  next() {
    if (this.idle.length === 0 || this.jobs.length === 0) return;
    const worker = this.idle.shift();
    this.jobs.shift()(worker, () => {
      this.idle.push(worker);
      this.next();
    });
  }
}

// Numbers from `first` to below `end`, one a call; then -1.
function counter(first, end, step = 1) {
  let next = first - step;
  return () => (next + step < end ? (next += step) : -1);
}

// {segments: [[kind of lane, lane, what, start, end, mail]], beats: [[due, ran]], end, most}
export function simulate(strategy, mails, latency, render, send = 500, slots = 32, cores = 2, server = 0) {
  const machine = new Machine(cores);
  const main = new Process();
  const peer = new Process();
  const loop = new Loop(machine, main);
  const todo = counter(0, mails);
  const beats = [];
  const both = render + send;
  let [done, end, waiting, most] = [0, 0, 0, 0];

  const sent = () => {
    done += 1;
    end = machine.now;
  };
  const wait = (kind, lane, mail, then) => {
    waiting += 1;
    most = Math.max(most, waiting);
    const begin = () => machine.wait(kind, lane, mail, latency, () => {
      waiting -= 1;
      then();
    });
    if (server > 0) machine.compute(peer, SERVER, 0, mail, server, begin);
    else begin();
  };

  const beat = (due) => machine.at(Math.max(due, machine.now), () => loop.arrive((over) => loop.compute(-1, 0, () => {
    const began = machine.now - TURN;
    let later = due;
    for (; later <= began; later += BEAT) beats.push([later, began]);
    if (done < mails) beat(later);
    over();
  })));
  beat(BEAT);

  const inLoop = (mail, after) => (over) => loop.compute(mail, both, () => wait(LOOP, 0, mail, () => {
    sent();
    after();
    over();
  }));
  const inThread = (process, mail, after) => (lane, over) => machine.compute(process, THREAD, lane, mail, both,
    () => wait(THREAD, lane, mail, () => {
      after();
      over();
    }));

  // Threads that need no loop.
  function plainThreads(process, own, first, count) {
    const take = (lane) => {
      const mail = own();
      if (mail >= 0) {
        inThread(process, mail, () => {
          sent();
          take(lane);
        })(lane, () => {});
      }
    };
    for (let lane = first; lane < first + count; lane += 1) take(lane);
  }

  // Coroutines that hand one mail after another to a thread.
  function pooled(pool, workers) {
    const worker = (finished) => (over) => loop.compute(-1, 0, () => {
      if (finished) sent();
      const mail = todo();
      if (mail >= 0) pool.submit(inThread(main, mail, () => loop.soon(worker(true))));
      over();
    });
    for (let i = 0; i < workers; i += 1) loop.soon(worker(false));
  }

  // Coroutines that await the server, with or without a pool that renders.
  function library(pool, kind, renderers) {
    const start = (lane, over, finished) => {
      const mail = todo();
      const ask = () => wait(CONNECTION, lane, mail, () => loop.arrive((next) => start(lane, next, true)));
      loop.compute(mail, mail >= 0 && pool === null ? both : 0, () => {
        if (finished) sent();
        if (mail >= 0 && pool === null) ask();
        else if (mail >= 0) {
          pool.submit((worker, idle) => machine.compute(renderers[worker], kind, worker, mail, render, () => {
            idle();
            loop.soon((next) => loop.compute(mail, send, () => {
              ask();
              next();
            }));
          }));
        }
        over();
      });
    };
    for (let lane = 0; lane < slots; lane += 1) loop.soon((over) => start(lane, over, false));
  }

  if (strategy === "sequential") plainThreads(main, todo, 0, 1);
  else if (strategy === "blocking") {
    for (let mail = todo(); mail >= 0; mail = todo()) loop.soon(inLoop(mail, () => {}));
  } else if (strategy === "one at a time") {
    const again = () => {
      const mail = todo();
      if (mail >= 0) loop.soon(inLoop(mail, again));
    };
    again();
  } else if (strategy === "default pool") pooled(new Pool(Math.min(32, cores + 4)), mails);
  else if (strategy === "sized pool") pooled(new Pool(slots), slots);
  else if (strategy === "async, render in loop") library(null, LOOP, []);
  else if (strategy === "async, render in threads") library(new Pool(4), THREAD, [main, main, main, main]);
  else if (strategy === "async, render in processes") library(new Pool(2), PROCESS, [new Process(), new Process()]);
  else if (strategy === "processes of threads") {
    const half = Math.max(1, Math.floor(slots / 2));
    for (const part of [0, 1]) plainThreads(new Process(), counter(part, mails, 2), part * half, half);
  } else throw new Error(strategy);
  machine.run();
  return { segments: machine.segments, beats, end, most };
}

// The smallest lateness that at least so many percent of the beats do not exceed.
export function lag(beats, percent) {
  const late = beats.map(([due, ran]) => ran - due).sort((a, b) => a - b);
  return late.length > 0 ? late[Math.max(0, Math.ceil(percent * late.length / 100) - 1)] : 0;
}
