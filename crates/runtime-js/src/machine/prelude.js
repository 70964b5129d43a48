// What every machine has besides the language and `nk`: timers, a console, the constants of the
// public typings. Runs before any code of the studio.
(function (now, say, place) {
  "use strict";
  const timers = new Map();
  const MOST = 1000;
  let last = 0;

  function add(run, wait, every, args) {
    if (typeof run !== "function") throw new TypeError("a timer needs a function");
    if (timers.size >= MOST) throw new RangeError("more than " + MOST + " timers");
    const ms = Math.max(Number(wait) || 0, every ? 1 : 0);
    last += 1;
    timers.set(last, { run, args, at: now() + ms, every: every ? ms : undefined });
    return last;
  }
  const remove = (id) => void timers.delete(id);
  const first = () => {
    let found;
    for (const [id, timer] of timers) {
      if (found === undefined || timer.at < found[1].at) found = [id, timer];
    }
    return found;
  };

  const level = (name) => (...args) => say(name, args.length > 1 && typeof args[0] === "string"
    ? args
    : ["%s".repeat(args.length).replace(/s%/g, "s %"), ...args]);
  const hidden = (name, value) =>
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  hidden("setTimeout", (run, wait, ...args) => add(run, wait, false, args));
  hidden("setInterval", (run, wait, ...args) => add(run, wait, true, args));
  hidden("clearTimeout", remove);
  hidden("clearInterval", remove);
  hidden("console", Object.freeze({
    debug: level("debug"), trace: level("debug"), log: level("info"), info: level("info"),
    warn: level("warn"), error: level("error"),
  }));

  const constants = (map) => Object.freeze(map);
  hidden("nkruntime", Object.freeze({
    Codes: constants({
      CANCELLED: 1, UNKNOWN: 2, INVALID_ARGUMENT: 3, DEADLINE_EXCEEDED: 4, NOT_FOUND: 5,
      ALREADY_EXISTS: 6, PERMISSION_DENIED: 7, RESOURCE_EXHAUSTED: 8, FAILED_PRECONDITION: 9,
      ABORTED: 10, OUT_OF_RANGE: 11, UNIMPLEMENTED: 12, INTERNAL: 13, UNAVAILABLE: 14,
      DATA_LOSS: 15, UNAUTHENTICATED: 16,
    }),
    SortOrder: constants({ ASCENDING: "ascending", DESCENDING: "descending" }),
    Operator: constants({
      BEST: "best", SET: "set", INCREMENTAL: "increment", DECREMENTAL: "decrement",
    }),
    OverrideOperator: constants({
      BEST: "best", SET: "set", INCREMENTAL: "increment", DECREMENTAL: "decrement",
    }),
    PresenceReason: constants({ Unknown: 0, Join: 1, Update: 2, Leave: 3, Disconnect: 4 }),
    ChanType: constants({ Room: 1, DirectMessage: 2, Group: 3 }),
    GroupUserState: constants({
      Superadmin: 0, Admin: 1, Member: 2, JoinRequest: 3, Banned: 4,
    }),
  }));

  if (place) {
    Error.prepareStackTrace = (error, sites) => sites.map((site) => {
      const name = site.getFunctionName() || "<anonymous>";
      return "    at " + name + " (" + (site.isNative()
        ? "native"
        : place(String(site.getFileName()), site.getLineNumber(), site.getColumnNumber())) + ")\n";
    }).join("");
  }

  function logger(fields) {
    const write = (name) => (...args) => say(name, args, fields);
    return Object.freeze({
      debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error"),
      withField: (key, value) => {
        if (typeof key !== "string") throw new TypeError("a field needs a name");
        return logger({ ...fields, [key]: value });
      },
      withFields: (more) => logger({ ...fields, ...more }),
      getFields: () => ({ ...fields }),
    });
  }

  // An object cannot be given a property that its frozen prototype has, says the language. Errors
  // and classes do that all the time (`this.message = ...`), so these become settable again.
  function tame(prototype) {
    for (const key of Reflect.ownKeys(prototype)) {
      const found = Object.getOwnPropertyDescriptor(prototype, key);
      if (!found.configurable || !("value" in found)) continue;
      Object.defineProperty(prototype, key, {
        configurable: true,
        enumerable: found.enumerable,
        get: () => found.value,
        set(value) {
          Object.defineProperty(this, key, {
            value, writable: true, enumerable: true, configurable: true,
          });
        },
      });
    }
  }

  return [
    logger({}),
    // Milliseconds until the next timer, below zero without one.
    () => {
      const next = first();
      return next === undefined ? -1 : Math.max(next[1].at - now(), 0);
    },
    // Runs the timer that comes next.
    () => {
      const [id, timer] = first();
      if (timer.every === undefined) timers.delete(id);
      else timer.at = now() + timer.every;
      timer.run(...timer.args);
    },
    () => timers.clear(),
    Error,
    // Nothing that all calls share can be changed by one of them.
    () => {
      tame(Object.prototype);
      for (const kind of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError,
        URIError, AggregateError]) tame(kind.prototype);
      for (const key of Reflect.ownKeys(globalThis)) {
        const value = globalThis[key];
        if (value === globalThis || (typeof value !== "object" && typeof value !== "function")
          || value === null) continue;
        Object.freeze(value);
        if (value.prototype) Object.freeze(value.prototype);
        const parent = Object.getPrototypeOf(value);
        if (parent) Object.freeze(parent);
      }
    },
  ];
})
