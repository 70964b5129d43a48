// Definitions of what server code in TypeScript has: put this folder into the `types` of your
// tsconfig.json, or depend on it as a package. Made from the server's tables; do not edit.

/** Your module begins here. Any style of function will do, global or exported. */
declare type InitModule = nkruntime.InitModule;

declare function setTimeout(run: (...args: any[]) => void, ms?: number, ...args: any[]): number;
declare function setInterval(run: (...args: any[]) => void, ms?: number, ...args: any[]): number;
declare function clearTimeout(timer: number | undefined): void;
declare function clearInterval(timer: number | undefined): void;
declare const console: {
  debug(...args: any[]): void;
  log(...args: any[]): void;
  info(...args: any[]): void;
  warn(...args: any[]): void;
  error(...args: any[]): void;
};

declare namespace nkruntime {
  type Awaitable<T> = T | Promise<T>;

  /** Called in every machine when the code is loaded; the server's answers are the same in all. */
  type InitModule = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    initializer: Initializer,
  ) => Awaitable<void>;

  /** What a function is told about the call that it serves. */
  interface Context {
    env: { [key: string]: string };
    executionMode: string | number;
    node: string;
    version: string;
    headers: { [key: string]: string[] };
    queryParams: { [key: string]: string[] };
    userId: string;
    username: string;
    vars: { [key: string]: string };
    /** Unix seconds. */
    userSessionExp: number;
    sessionId: string;
    lang: string;
    clientIp: string;
    clientPort: string;
    matchId: string;
    matchNode: string;
    matchLabel: string;
    matchTickRate: number;
    /** In the hook after a log-in that created an account: the same at every attempt. */
    obligationId?: string;
  }

  /** What is said goes to the server's log. Verbs such as %s, %d and %v are filled in. */
  interface Logger {
    debug(format: string, ...args: any[]): string;
    info(format: string, ...args: any[]): string;
    warn(format: string, ...args: any[]): string;
    error(format: string, ...args: any[]): string;
    withField(key: string, value: any): Logger;
    withFields(fields: { [key: string]: any }): Logger;
    getFields(): { [key: string]: any };
  }

  /** Thrown as it is, its text and code reach the client. */
  interface Error {
    message: string;
    code?: Codes | number;
  }

  type RpcFunction = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    payload: string,
  ) => Awaitable<string | void | null>;
  type HttpMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
  /** Nobody has proved who they are: the function decides who may ask. */
  type RouteHandler = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    request: RouteRequest,
  ) => Awaitable<RouteResponse | string | void | null>;
  /** A request of a route. */
  interface RouteRequest {
    method: HttpMethod;
    /** As it came, escapes included, without the query. */
    path: string;
    /** What the path has at the pattern's parameters, decoded. */
    params: { [name: string]: string };
    query: { [name: string]: string[] };
    /** By names written like `Content-Type`. */
    headers: { [name: string]: string[] };
    /** The body; null if it is not UTF-8. */
    body: string | null;
    bodyBytes: ArrayBuffer;
    /** Where the client is, after trusted proxies were looked through. */
    remoteAddress: string | null;
  }
  /** The answer of a route; nothing is 204, and a text is 200 with that text. */
  interface RouteResponse {
    /** 200 to 599; 200 if left out. */
    status?: number;
    headers?: { [name: string]: string | number | (string | number)[] };
    body?: string | ArrayBuffer | Uint8Array | null;
  }
  /** Answers the request to go on with; null refuses the call. */
  type BeforeHook<Request> = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    request: Request,
  ) => Awaitable<Request | void | null>;
  type AfterHook<Response, Request> = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    response: Response,
    request: Request,
  ) => Awaitable<void>;
  type RtBeforeHook = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    envelope: RtEnvelope,
  ) => Awaitable<RtEnvelope | void | null>;
  type RtAfterHook = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    output: RtEnvelope | null,
    input: RtEnvelope,
  ) => Awaitable<void>;
  type ShutdownFunction = (ctx: Context, logger: Logger, nk: Nakama) => Awaitable<void>;
  type MatchmakerMatchedFunction = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    matches: MatchmakerResult[],
  ) => Awaitable<string | void | null>;

  /** Answers those of the groups that are formed; the others go on waiting. */
  type MatchmakerOverrideFunction = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    groups: MatchmakerWaiting[][],
  ) => Awaitable<(MatchmakerWaiting | string)[][] | void | null>;
  /** Gets all who wait and answers the groups that are formed, in place of the matchmaker. */
  type MatchmakerProcessorFunction = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    entries: MatchmakerWaiting[],
  ) => Awaitable<(MatchmakerWaiting | string)[][] | void | null>;

  /** Those of a party share a ticket and are never separated. */
  interface MatchmakerWaiting extends MatchmakerResult {
    ticket: string;
  }
  interface MatchmakerResult {
    presence: Presence;
    properties: { [key: string]: any };
    partyId?: string;
  }

  /** Somebody in a match. */
  interface Presence {
    userId: string;
    sessionId: string;
    username: string;
    node: string;
    status?: string | null;
    hidden?: boolean;
    persistence?: boolean;
    reason?: PresenceReason;
  }

  interface MatchMessage {
    sender: Presence;
    opCode: number;
    data: ArrayBuffer;
    reliable: boolean;
    receiveTimeMs: number;
  }

  /** What a match sends and decides. */
  interface MatchDispatcher {
    broadcastMessage(
      opCode: number,
      data?: ArrayBuffer | Uint8Array | string | null,
      presences?: Presence[] | null,
      sender?: Presence | null,
      reliable?: boolean,
    ): void;
    /** The same, sent when the tick has ended. */
    broadcastMessageDeferred(
      opCode: number,
      data?: ArrayBuffer | Uint8Array | string | null,
      presences?: Presence[] | null,
      sender?: Presence | null,
      reliable?: boolean,
    ): void;
    matchKick(presences: Presence[]): void;
    matchLabelUpdate(label: string): void;
  }

  type MatchState = { [key: string]: any };
  type MatchStep<S, Extra extends any[]> = (
    ctx: Context,
    logger: Logger,
    nk: Nakama,
    dispatcher: MatchDispatcher,
    tick: number,
    state: S,
    ...extra: Extra
  ) => { state: S } | null;

  /** The functions of a kind of match. Answering null ends it. */
  interface MatchHandler<S = MatchState> {
    matchInit: (
      ctx: Context,
      logger: Logger,
      nk: Nakama,
      params: { [key: string]: any },
    ) => { state: S; tickRate: number; label: string } | null;
    matchJoinAttempt: (
      ctx: Context,
      logger: Logger,
      nk: Nakama,
      dispatcher: MatchDispatcher,
      tick: number,
      state: S,
      presence: Presence,
      metadata: { [key: string]: any },
    ) => { state: S; accept: boolean; rejectMessage?: string } | null;
    matchJoin: MatchStep<S, [presences: Presence[]]>;
    matchLeave: MatchStep<S, [presences: Presence[]]>;
    matchLoop: MatchStep<S, [messages: MatchMessage[]]>;
    matchTerminate: MatchStep<S, [graceSeconds: number]>;
    matchSignal: (
      ctx: Context,
      logger: Logger,
      nk: Nakama,
      dispatcher: MatchDispatcher,
      tick: number,
      state: S,
      data: string,
    ) => { state: S; data?: string } | null;
  }

  /** The part of the initializer that is not about single calls. */
  interface InitializerBase {
    registerRpc(id: string, fn: RpcFunction): void;
    registerRtBefore(message: RtMessage | string, fn: RtBeforeHook): void;
    registerRtAfter(message: RtMessage | string, fn: RtAfterHook): void;
    registerMatch<S = MatchState>(name: string, handler: MatchHandler<S>): void;
    registerMatchmakerMatched(fn: MatchmakerMatchedFunction): void;
    registerMatchmakerOverride(fn: MatchmakerOverrideFunction): void;
    registerMatchmakerProcessor(fn: MatchmakerProcessorFunction): void;
    registerShutdown(fn: ShutdownFunction): void;
    /**
     * Answers requests on the client port whose path fits a pattern, such as `/shop/{item}` or
     * `/files/{path...}`, for a method or a list of them; for all methods if there is none.
     */
    registerHttp(path: string, handler: RouteHandler, methods?: HttpMethod | HttpMethod[]): void;
    registerTournamentEnd(fn: (ctx: Context, logger: Logger, nk: Nakama, tournament: any, end: number, reset: number) => Awaitable<void>): void;
    registerTournamentReset(fn: (ctx: Context, logger: Logger, nk: Nakama, tournament: any, end: number, reset: number) => Awaitable<void>): void;
    registerLeaderboardReset(fn: (ctx: Context, logger: Logger, nk: Nakama, leaderboard: any, reset: number) => Awaitable<void>): void;
    registerPurchaseNotificationApple(fn: (ctx: Context, logger: Logger, nk: Nakama, purchase: any, payload: string, type: string) => Awaitable<void>): void;
    registerPurchaseNotificationGoogle(fn: (ctx: Context, logger: Logger, nk: Nakama, purchase: any, payload: string, type: string) => Awaitable<void>): void;
    registerSubscriptionNotificationApple(fn: (ctx: Context, logger: Logger, nk: Nakama, subscription: any, payload: string, type: string) => Awaitable<void>): void;
    registerSubscriptionNotificationGoogle(fn: (ctx: Context, logger: Logger, nk: Nakama, subscription: any, payload: string, type: string) => Awaitable<void>): void;
    registerStorageIndex(name: string, collection: string, key: string | null, fields: string[], sortableFields: string[], maxEntries: number, indexOnly?: boolean): void;
    registerStorageIndexFilter(name: string, fn: (ctx: Context, logger: Logger, nk: Nakama, write: Omit<StorageObject, "createTime" | "updateTime">) => Awaitable<boolean>): void;
  }

  /** The functions of the engine itself. */
  interface NakamaBase {
    /** The text that bytes are in UTF-8. */
    binaryToString(data: ArrayBuffer | Uint8Array): string;
    /** The bytes of a text in UTF-8. */
    stringToBinary(text: string): ArrayBuffer;
    /** Reads objects, writes what `update` makes of them, and again if others were faster. */
    storageWriteRetry(
      ids: StorageReadRequest[],
      update: (objects: StorageObject[]) => StorageWriteRequest[],
      retries: number,
    ): StorageWriteAck[];
  }

  enum Codes {
    CANCELLED = 1,
    UNKNOWN = 2,
    INVALID_ARGUMENT = 3,
    DEADLINE_EXCEEDED = 4,
    NOT_FOUND = 5,
    ALREADY_EXISTS = 6,
    PERMISSION_DENIED = 7,
    RESOURCE_EXHAUSTED = 8,
    FAILED_PRECONDITION = 9,
    ABORTED = 10,
    OUT_OF_RANGE = 11,
    UNIMPLEMENTED = 12,
    INTERNAL = 13,
    UNAVAILABLE = 14,
    DATA_LOSS = 15,
    UNAUTHENTICATED = 16,
  }
  enum SortOrder { ASCENDING = "ascending", DESCENDING = "descending" }
  enum Operator { BEST = "best", SET = "set", INCREMENTAL = "increment", DECREMENTAL = "decrement" }
  enum OverrideOperator { BEST = "best", SET = "set", INCREMENTAL = "increment", DECREMENTAL = "decrement" }
  enum PresenceReason { Unknown = 0, Join = 1, Update = 2, Leave = 3, Disconnect = 4 }
  enum ChanType { Room = 1, DirectMessage = 2, Group = 3 }
  enum GroupUserState { Superadmin = 0, Admin = 1, Member = 2, JoinRequest = 3, Banned = 4 }
