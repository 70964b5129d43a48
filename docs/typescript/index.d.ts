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

  /** Where `InitModule` registers functions. */
  interface Initializer extends InitializerBase {
    registerBeforeAddFriends(hook: BeforeHook<ApiAddFriendsRequest>): void;
    registerAfterAddFriends(hook: AfterHook<void, ApiAddFriendsRequest>): void;
    registerBeforeAddGroupUsers(hook: BeforeHook<ApiAddGroupUsersRequest>): void;
    registerAfterAddGroupUsers(hook: AfterHook<void, ApiAddGroupUsersRequest>): void;
    registerBeforeSessionRefresh(hook: BeforeHook<ApiSessionRefreshRequest>): void;
    registerAfterSessionRefresh(hook: AfterHook<ApiSession, ApiSessionRefreshRequest>): void;
    registerBeforeSessionLogout(hook: BeforeHook<ApiSessionLogoutRequest>): void;
    registerAfterSessionLogout(hook: AfterHook<void, ApiSessionLogoutRequest>): void;
    registerBeforeAuthenticateApple(hook: BeforeHook<ApiAuthenticateAppleRequest>): void;
    registerAfterAuthenticateApple(hook: AfterHook<ApiSession, ApiAuthenticateAppleRequest>): void;
    registerBeforeAuthenticateCustom(hook: BeforeHook<ApiAuthenticateCustomRequest>): void;
    registerAfterAuthenticateCustom(hook: AfterHook<ApiSession, ApiAuthenticateCustomRequest>): void;
    registerBeforeAuthenticateDevice(hook: BeforeHook<ApiAuthenticateDeviceRequest>): void;
    registerAfterAuthenticateDevice(hook: AfterHook<ApiSession, ApiAuthenticateDeviceRequest>): void;
    registerBeforeAuthenticateEmail(hook: BeforeHook<ApiAuthenticateEmailRequest>): void;
    registerAfterAuthenticateEmail(hook: AfterHook<ApiSession, ApiAuthenticateEmailRequest>): void;
    registerBeforeAuthenticateFacebook(hook: BeforeHook<ApiAuthenticateFacebookRequest>): void;
    registerAfterAuthenticateFacebook(hook: AfterHook<ApiSession, ApiAuthenticateFacebookRequest>): void;
    registerBeforeAuthenticateFacebookInstantGame(hook: BeforeHook<ApiAuthenticateFacebookInstantGameRequest>): void;
    registerAfterAuthenticateFacebookInstantGame(hook: AfterHook<ApiSession, ApiAuthenticateFacebookInstantGameRequest>): void;
    registerBeforeAuthenticateGameCenter(hook: BeforeHook<ApiAuthenticateGameCenterRequest>): void;
    registerAfterAuthenticateGameCenter(hook: AfterHook<ApiSession, ApiAuthenticateGameCenterRequest>): void;
    registerBeforeAuthenticateGoogle(hook: BeforeHook<ApiAuthenticateGoogleRequest>): void;
    registerAfterAuthenticateGoogle(hook: AfterHook<ApiSession, ApiAuthenticateGoogleRequest>): void;
    registerBeforeAuthenticateSteam(hook: BeforeHook<ApiAuthenticateSteamRequest>): void;
    registerAfterAuthenticateSteam(hook: AfterHook<ApiSession, ApiAuthenticateSteamRequest>): void;
    registerBeforeBanGroupUsers(hook: BeforeHook<ApiBanGroupUsersRequest>): void;
    registerAfterBanGroupUsers(hook: AfterHook<void, ApiBanGroupUsersRequest>): void;
    registerBeforeBlockFriends(hook: BeforeHook<ApiBlockFriendsRequest>): void;
    registerAfterBlockFriends(hook: AfterHook<void, ApiBlockFriendsRequest>): void;
    registerBeforeCreateGroup(hook: BeforeHook<ApiCreateGroupRequest>): void;
    registerAfterCreateGroup(hook: AfterHook<ApiGroup, ApiCreateGroupRequest>): void;
    registerBeforeDeleteAccount(hook: BeforeHook<void>): void;
    registerAfterDeleteAccount(hook: AfterHook<void, void>): void;
    registerBeforeDeleteFriends(hook: BeforeHook<ApiDeleteFriendsRequest>): void;
    registerAfterDeleteFriends(hook: AfterHook<void, ApiDeleteFriendsRequest>): void;
    registerBeforeDeleteGroup(hook: BeforeHook<ApiDeleteGroupRequest>): void;
    registerAfterDeleteGroup(hook: AfterHook<void, ApiDeleteGroupRequest>): void;
    registerBeforeDeleteLeaderboardRecord(hook: BeforeHook<ApiDeleteLeaderboardRecordRequest>): void;
    registerAfterDeleteLeaderboardRecord(hook: AfterHook<void, ApiDeleteLeaderboardRecordRequest>): void;
    registerBeforeDeleteNotifications(hook: BeforeHook<ApiDeleteNotificationsRequest>): void;
    registerAfterDeleteNotifications(hook: AfterHook<void, ApiDeleteNotificationsRequest>): void;
    registerBeforeDeleteTournamentRecord(hook: BeforeHook<ApiDeleteTournamentRecordRequest>): void;
    registerAfterDeleteTournamentRecord(hook: AfterHook<void, ApiDeleteTournamentRecordRequest>): void;
    registerBeforeDeleteStorageObjects(hook: BeforeHook<ApiDeleteStorageObjectsRequest>): void;
    registerAfterDeleteStorageObjects(hook: AfterHook<void, ApiDeleteStorageObjectsRequest>): void;
    registerBeforeEvent(hook: BeforeHook<ApiEvent>): void;
    registerAfterEvent(hook: AfterHook<void, ApiEvent>): void;
    registerBeforeGetAccount(hook: BeforeHook<void>): void;
    registerAfterGetAccount(hook: AfterHook<ApiAccount, void>): void;
    registerBeforeGetUsers(hook: BeforeHook<ApiGetUsersRequest>): void;
    registerAfterGetUsers(hook: AfterHook<ApiUsers, ApiGetUsersRequest>): void;
    registerBeforeGetSubscription(hook: BeforeHook<ApiGetSubscriptionRequest>): void;
    registerAfterGetSubscription(hook: AfterHook<ApiValidatedSubscription, ApiGetSubscriptionRequest>): void;
    registerBeforeGetMatchmakerStats(hook: BeforeHook<void>): void;
    registerAfterGetMatchmakerStats(hook: AfterHook<ApiMatchmakerStats, void>): void;
    registerBeforeImportFacebookFriends(hook: BeforeHook<ApiImportFacebookFriendsRequest>): void;
    registerAfterImportFacebookFriends(hook: AfterHook<void, ApiImportFacebookFriendsRequest>): void;
    registerBeforeImportSteamFriends(hook: BeforeHook<ApiImportSteamFriendsRequest>): void;
    registerAfterImportSteamFriends(hook: AfterHook<void, ApiImportSteamFriendsRequest>): void;
    registerBeforeJoinGroup(hook: BeforeHook<ApiJoinGroupRequest>): void;
    registerAfterJoinGroup(hook: AfterHook<void, ApiJoinGroupRequest>): void;
    registerBeforeJoinTournament(hook: BeforeHook<ApiJoinTournamentRequest>): void;
    registerAfterJoinTournament(hook: AfterHook<void, ApiJoinTournamentRequest>): void;
    registerBeforeKickGroupUsers(hook: BeforeHook<ApiKickGroupUsersRequest>): void;
    registerAfterKickGroupUsers(hook: AfterHook<void, ApiKickGroupUsersRequest>): void;
    registerBeforeLeaveGroup(hook: BeforeHook<ApiLeaveGroupRequest>): void;
    registerAfterLeaveGroup(hook: AfterHook<void, ApiLeaveGroupRequest>): void;
    registerBeforeLinkApple(hook: BeforeHook<ApiAccountApple>): void;
    registerAfterLinkApple(hook: AfterHook<void, ApiAccountApple>): void;
    registerBeforeLinkCustom(hook: BeforeHook<ApiAccountCustom>): void;
    registerAfterLinkCustom(hook: AfterHook<void, ApiAccountCustom>): void;
    registerBeforeLinkDevice(hook: BeforeHook<ApiAccountDevice>): void;
    registerAfterLinkDevice(hook: AfterHook<void, ApiAccountDevice>): void;
    registerBeforeLinkEmail(hook: BeforeHook<ApiAccountEmail>): void;
    registerAfterLinkEmail(hook: AfterHook<void, ApiAccountEmail>): void;
    registerBeforeLinkFacebook(hook: BeforeHook<ApiLinkFacebookRequest>): void;
    registerAfterLinkFacebook(hook: AfterHook<void, ApiLinkFacebookRequest>): void;
    registerBeforeLinkFacebookInstantGame(hook: BeforeHook<ApiAccountFacebookInstantGame>): void;
    registerAfterLinkFacebookInstantGame(hook: AfterHook<void, ApiAccountFacebookInstantGame>): void;
    registerBeforeLinkGameCenter(hook: BeforeHook<ApiAccountGameCenter>): void;
    registerAfterLinkGameCenter(hook: AfterHook<void, ApiAccountGameCenter>): void;
    registerBeforeLinkGoogle(hook: BeforeHook<ApiAccountGoogle>): void;
    registerAfterLinkGoogle(hook: AfterHook<void, ApiAccountGoogle>): void;
    registerBeforeLinkSteam(hook: BeforeHook<ApiLinkSteamRequest>): void;
    registerAfterLinkSteam(hook: AfterHook<void, ApiLinkSteamRequest>): void;
    registerBeforeListChannelMessages(hook: BeforeHook<ApiListChannelMessagesRequest>): void;
    registerAfterListChannelMessages(hook: AfterHook<ApiChannelMessageList, ApiListChannelMessagesRequest>): void;
    registerBeforeListFriends(hook: BeforeHook<ApiListFriendsRequest>): void;
    registerAfterListFriends(hook: AfterHook<ApiFriendList, ApiListFriendsRequest>): void;
    registerBeforeListFriendsOfFriends(hook: BeforeHook<ApiListFriendsOfFriendsRequest>): void;
    registerAfterListFriendsOfFriends(hook: AfterHook<ApiFriendsOfFriendsList, ApiListFriendsOfFriendsRequest>): void;
    registerBeforeListGroups(hook: BeforeHook<ApiListGroupsRequest>): void;
    registerAfterListGroups(hook: AfterHook<ApiGroupList, ApiListGroupsRequest>): void;
    registerBeforeListGroupUsers(hook: BeforeHook<ApiListGroupUsersRequest>): void;
    registerAfterListGroupUsers(hook: AfterHook<ApiGroupUserList, ApiListGroupUsersRequest>): void;
    registerBeforeListLeaderboardRecords(hook: BeforeHook<ApiListLeaderboardRecordsRequest>): void;
    registerAfterListLeaderboardRecords(hook: AfterHook<ApiLeaderboardRecordList, ApiListLeaderboardRecordsRequest>): void;
    registerBeforeListLeaderboardRecordsAroundOwner(hook: BeforeHook<ApiListLeaderboardRecordsAroundOwnerRequest>): void;
    registerAfterListLeaderboardRecordsAroundOwner(hook: AfterHook<ApiLeaderboardRecordList, ApiListLeaderboardRecordsAroundOwnerRequest>): void;
    registerBeforeListMatches(hook: BeforeHook<ApiListMatchesRequest>): void;
    registerAfterListMatches(hook: AfterHook<ApiMatchList, ApiListMatchesRequest>): void;
    registerBeforeListParties(hook: BeforeHook<ApiListPartiesRequest>): void;
    registerAfterListParties(hook: AfterHook<ApiPartyList, ApiListPartiesRequest>): void;
    registerBeforeListNotifications(hook: BeforeHook<ApiListNotificationsRequest>): void;
    registerAfterListNotifications(hook: AfterHook<ApiNotificationList, ApiListNotificationsRequest>): void;
    registerBeforeListStorageObjects(hook: BeforeHook<ApiListStorageObjectsRequest>): void;
    registerAfterListStorageObjects(hook: AfterHook<ApiStorageObjectList, ApiListStorageObjectsRequest>): void;
    registerBeforeListSubscriptions(hook: BeforeHook<ApiListSubscriptionsRequest>): void;
    registerAfterListSubscriptions(hook: AfterHook<ApiSubscriptionList, ApiListSubscriptionsRequest>): void;
    registerBeforeListTournaments(hook: BeforeHook<ApiListTournamentsRequest>): void;
    registerAfterListTournaments(hook: AfterHook<ApiTournamentList, ApiListTournamentsRequest>): void;
    registerBeforeListTournamentRecords(hook: BeforeHook<ApiListTournamentRecordsRequest>): void;
    registerAfterListTournamentRecords(hook: AfterHook<ApiTournamentRecordList, ApiListTournamentRecordsRequest>): void;
    registerBeforeListTournamentRecordsAroundOwner(hook: BeforeHook<ApiListTournamentRecordsAroundOwnerRequest>): void;
    registerAfterListTournamentRecordsAroundOwner(hook: AfterHook<ApiTournamentRecordList, ApiListTournamentRecordsAroundOwnerRequest>): void;
    registerBeforeListUserGroups(hook: BeforeHook<ApiListUserGroupsRequest>): void;
    registerAfterListUserGroups(hook: AfterHook<ApiUserGroupList, ApiListUserGroupsRequest>): void;
    registerBeforePromoteGroupUsers(hook: BeforeHook<ApiPromoteGroupUsersRequest>): void;
    registerAfterPromoteGroupUsers(hook: AfterHook<void, ApiPromoteGroupUsersRequest>): void;
    registerBeforeDemoteGroupUsers(hook: BeforeHook<ApiDemoteGroupUsersRequest>): void;
    registerAfterDemoteGroupUsers(hook: AfterHook<void, ApiDemoteGroupUsersRequest>): void;
    registerBeforeReadStorageObjects(hook: BeforeHook<ApiReadStorageObjectsRequest>): void;
    registerAfterReadStorageObjects(hook: AfterHook<ApiStorageObjects, ApiReadStorageObjectsRequest>): void;
    registerBeforeUnlinkApple(hook: BeforeHook<ApiAccountApple>): void;
    registerAfterUnlinkApple(hook: AfterHook<void, ApiAccountApple>): void;
    registerBeforeUnlinkCustom(hook: BeforeHook<ApiAccountCustom>): void;
    registerAfterUnlinkCustom(hook: AfterHook<void, ApiAccountCustom>): void;
    registerBeforeUnlinkDevice(hook: BeforeHook<ApiAccountDevice>): void;
    registerAfterUnlinkDevice(hook: AfterHook<void, ApiAccountDevice>): void;
    registerBeforeUnlinkEmail(hook: BeforeHook<ApiAccountEmail>): void;
    registerAfterUnlinkEmail(hook: AfterHook<void, ApiAccountEmail>): void;
    registerBeforeUnlinkFacebook(hook: BeforeHook<ApiAccountFacebook>): void;
    registerAfterUnlinkFacebook(hook: AfterHook<void, ApiAccountFacebook>): void;
    registerBeforeUnlinkFacebookInstantGame(hook: BeforeHook<ApiAccountFacebookInstantGame>): void;
    registerAfterUnlinkFacebookInstantGame(hook: AfterHook<void, ApiAccountFacebookInstantGame>): void;
    registerBeforeUnlinkGameCenter(hook: BeforeHook<ApiAccountGameCenter>): void;
    registerAfterUnlinkGameCenter(hook: AfterHook<void, ApiAccountGameCenter>): void;
    registerBeforeUnlinkGoogle(hook: BeforeHook<ApiAccountGoogle>): void;
    registerAfterUnlinkGoogle(hook: AfterHook<void, ApiAccountGoogle>): void;
    registerBeforeUnlinkSteam(hook: BeforeHook<ApiAccountSteam>): void;
    registerAfterUnlinkSteam(hook: AfterHook<void, ApiAccountSteam>): void;
    registerBeforeUpdateAccount(hook: BeforeHook<ApiUpdateAccountRequest>): void;
    registerAfterUpdateAccount(hook: AfterHook<void, ApiUpdateAccountRequest>): void;
    registerBeforeUpdateGroup(hook: BeforeHook<ApiUpdateGroupRequest>): void;
    registerAfterUpdateGroup(hook: AfterHook<void, ApiUpdateGroupRequest>): void;
    registerBeforeValidatePurchaseApple(hook: BeforeHook<ApiValidatePurchaseAppleRequest>): void;
    registerAfterValidatePurchaseApple(hook: AfterHook<ApiValidatePurchaseResponse, ApiValidatePurchaseAppleRequest>): void;
    registerBeforeValidateSubscriptionApple(hook: BeforeHook<ApiValidateSubscriptionAppleRequest>): void;
    registerAfterValidateSubscriptionApple(hook: AfterHook<ApiValidateSubscriptionResponse, ApiValidateSubscriptionAppleRequest>): void;
    registerBeforeValidatePurchaseGoogle(hook: BeforeHook<ApiValidatePurchaseGoogleRequest>): void;
    registerAfterValidatePurchaseGoogle(hook: AfterHook<ApiValidatePurchaseResponse, ApiValidatePurchaseGoogleRequest>): void;
    registerBeforeValidateSubscriptionGoogle(hook: BeforeHook<ApiValidateSubscriptionGoogleRequest>): void;
    registerAfterValidateSubscriptionGoogle(hook: AfterHook<ApiValidateSubscriptionResponse, ApiValidateSubscriptionGoogleRequest>): void;
    registerBeforeValidatePurchaseHuawei(hook: BeforeHook<ApiValidatePurchaseHuaweiRequest>): void;
    registerAfterValidatePurchaseHuawei(hook: AfterHook<ApiValidatePurchaseResponse, ApiValidatePurchaseHuaweiRequest>): void;
    registerBeforeValidatePurchaseFacebookInstant(hook: BeforeHook<ApiValidatePurchaseFacebookInstantRequest>): void;
    registerAfterValidatePurchaseFacebookInstant(hook: AfterHook<ApiValidatePurchaseResponse, ApiValidatePurchaseFacebookInstantRequest>): void;
    registerBeforeValidatePurchaseSamsung(hook: BeforeHook<ApiValidatePurchaseSamsungRequest>): void;
    registerAfterValidatePurchaseSamsung(hook: AfterHook<ApiValidatePurchaseResponse, ApiValidatePurchaseSamsungRequest>): void;
    registerBeforeWriteLeaderboardRecord(hook: BeforeHook<ApiWriteLeaderboardRecordRequest>): void;
    registerAfterWriteLeaderboardRecord(hook: AfterHook<ApiLeaderboardRecord, ApiWriteLeaderboardRecordRequest>): void;
    registerBeforeWriteStorageObjects(hook: BeforeHook<ApiWriteStorageObjectsRequest>): void;
    registerAfterWriteStorageObjects(hook: AfterHook<ApiStorageObjectAcks, ApiWriteStorageObjectsRequest>): void;
    registerBeforeWriteTournamentRecord(hook: BeforeHook<ApiWriteTournamentRecordRequest>): void;
    registerAfterWriteTournamentRecord(hook: AfterHook<ApiLeaderboardRecord, ApiWriteTournamentRecordRequest>): void;
    registerBeforeMintToken(hook: BeforeHook<ApiMintTokenRequest>): void;
    registerAfterMintToken(hook: AfterHook<ApiMintedToken, ApiMintTokenRequest>): void;
    registerBeforeRevokeToken(hook: BeforeHook<ApiRevokeTokenRequest>): void;
    registerAfterRevokeToken(hook: AfterHook<void, ApiRevokeTokenRequest>): void;
  }

  /** A realtime message that a client may send. */
  type RtMessage = "ChannelJoin" | "ChannelLeave" | "ChannelMessageSend" | "ChannelMessageUpdate" | "ChannelMessageRemove" | "MatchCreate" | "MatchDataSend" | "MatchJoin" | "MatchLeave" | "MatchmakerAdd" | "MatchmakerRemove" | "Rpc" | "StatusFollow" | "StatusUnfollow" | "StatusUpdate" | "Ping" | "Pong" | "PartyCreate" | "PartyJoin" | "PartyLeave" | "PartyPromote" | "PartyAccept" | "PartyRemove" | "PartyClose" | "PartyJoinRequestList" | "PartyMatchmakerAdd" | "PartyMatchmakerRemove" | "PartyDataSend" | "PartyUpdate";

  /** The functions of the server. */
  interface Nakama extends NakamaBase {
    /** Deletes an account with all that belongs to it. Its tokens are revoked and its sockets closed. Recorded, it leaves a note that it was there. */
    accountDeleteId(userId: string, recorded?: boolean | null): void;
    /** All that is kept of an account, as a JSON text: the account with its devices and wallet, objects, friends, groups, messages, records, notifications and ledger, as they were at one moment. At most 100,000 rows and 32 MiB of values; one that is not there is an error. */
    accountExportId(userId: string): string;
    /** An account; one that is not there is an error. */
    accountGetId(userId: string): Account;
    /** Brings in what `account_export_id` answered, all or nothing. With a user, the metadata, wallet and objects of that account are replaced. Without one, a new account is made with the id, profile, identities, wallet and objects of the export; it has no password. The rest of an export stays out: it is of others, too. */
    accountImportId(data: string, userId?: string | null): Account;
    /** Changes an account. What is left out stays as it is; an empty text takes a field away, except the user name. */
    accountUpdateId(userId: string, username?: string | null, displayName?: string | null, timezone?: string | null, location?: string | null, langTag?: string | null, avatarUrl?: string | null, metadata?: any | null): void;
    /** The accounts that are there, in no order. */
    accountsGetId(userIds?: string[] | null, deviceIds?: string[] | null): Account[];
    /** What was given to `aes128_encrypt`, with the spaces it was filled up with. */
    aes128Decrypt(input: ArrayBuffer, key: ArrayBuffer, base64?: boolean | null): string;
    /** AES with a key of 16 bytes in CFB mode: a random IV, and behind it the input, filled up with spaces to a multiple of four bytes. Bytes, or Base64 if asked for, which JavaScript does unless told otherwise. Nothing proves that it was not changed. */
    aes128Encrypt(input: ArrayBuffer, key: ArrayBuffer, base64?: boolean | null): string;
    /** What was given to `aes256_encrypt`, with the spaces it was filled up with. */
    aes256Decrypt(input: ArrayBuffer, key: ArrayBuffer, base64?: boolean | null): string;
    /** As `aes128_encrypt`, with a key of 32 bytes. */
    aes256Encrypt(input: ArrayBuffer, key: ArrayBuffer, base64?: boolean | null): string;
    /** The account of an identity token of Apple; created if there is none, unless told otherwise. */
    authenticateApple(token: string, username?: string | null, create?: boolean | null): SignIn;
    /** The account with a custom id; created if there is none, unless told otherwise. */
    authenticateCustom(id: string, username?: string | null, create?: boolean | null): SignIn;
    /** The account with a device; created if there is none, unless told otherwise. */
    authenticateDevice(id: string, username?: string | null, create?: boolean | null): SignIn;
    /** The account with an email address and this password; created if there is none, unless told otherwise. Without an address, the account with the user name and this password. */
    authenticateEmail(email: string | null | undefined, password: string, username?: string | null, create?: boolean | null): SignIn;
    /** The account of a Facebook token; created if there is none, and friends imported, unless told otherwise. */
    authenticateFacebook(token: string, importFriends?: boolean | null, username?: string | null, create?: boolean | null): SignIn;
    /** The account of a signed player info of an Instant Game; created if there is none, unless told otherwise. */
    authenticateFacebookInstantGame(playerInfo: string, username?: string | null, create?: boolean | null): SignIn;
    /** The account of a signature of Game Center; created if there is none, unless told otherwise. */
    authenticateGameCenter(playerId: string, bundleId: string, timestamp: number, salt: string, signature: string, publicKeyUrl: string, username?: string | null, create?: boolean | null): SignIn;
    /** The account of a Google token or server code; created if there is none, unless told otherwise. */
    authenticateGoogle(token: string, username?: string | null, create?: boolean | null): SignIn;
    /** The account of a Steam ticket; created if there is none, and friends imported, unless told otherwise. */
    authenticateSteam(token: string, importFriends?: boolean | null, username?: string | null, create?: boolean | null): SignIn;
    /** A session token for a player, who need not have signed in. It expires as any other, or at the time given, but not after a refresh token would. */
    authenticateTokenGenerate(userId: string, username?: string | null, exp?: number | null, vars?: { [key: string]: string } | null): Token;
    /** The bytes of hexadecimal digits in any case. */
    base16Decode(input: string): ArrayBuffer;
    /** Hexadecimal digits, in lower case. */
    base16Encode(input: ArrayBuffer): string;
    /** The bytes of a Base64 text, padded or not. */
    base64Decode(input: string, padding?: boolean | null): ArrayBuffer;
    /** Base64 (RFC 4648, section 4), padded unless told otherwise. */
    base64Encode(input: ArrayBuffer, padding?: boolean | null): string;
    /** The bytes of a Base64 text for URLs, padded or not. */
    base64UrlDecode(input: string, padding?: boolean | null): ArrayBuffer;
    /** Base64 for URLs (RFC 4648, section 5), padded unless told otherwise. */
    base64UrlEncode(input: ArrayBuffer, padding?: boolean | null): string;
    /** Whether a text is the one that a bcrypt value was made of. */
    bcryptCompare(hash: string, plaintext: string): boolean;
    /** Bcrypt of a text of at most 72 bytes, at cost 13. Takes about half a second of computing. */
    bcryptHash(input: string): string;
    /** The id of a channel: type 1 a room by its name, 2 the direct chat of the sender and a player, 3 the chat of a group. A sender must be allowed there. */
    channelIdBuild(senderId: string | null | undefined, target: string, channelType: number): string;
    /** Takes back what a player or the server has said. */
    channelMessageRemove(channelId: string, messageId: string, senderId?: string | null, senderUsername?: string | null, persist?: boolean | null): MessageAck;
    /** Says something in a channel, as a player or as the server. */
    channelMessageSend(channelId: string, content?: any | null, senderId?: string | null, senderUsername?: string | null, persist?: boolean | null): MessageAck;
    /** Changes what a player or the server has said. */
    channelMessageUpdate(channelId: string, messageId: string, content?: any | null, senderId?: string | null, senderUsername?: string | null, persist?: boolean | null): MessageAck;
    /** A part of a channel's history, oldest first unless `forward` is false. A page has 1 to 100 messages, 100 when not given. */
    channelMessagesList(channelId: string, limit?: number | null, forward?: boolean | null, cursor?: string | null): History;
    /** The first time after a moment that a cron expression names, both in Unix seconds. */
    cronNext(expression: string, timestamp: number): number;
    /** The last time before a moment that a cron expression names, both in Unix seconds. */
    cronPrev(expression: string, timestamp: number): number;
    /** Hands an event to the hook for events, some time later. When too many wait, it is dropped. */
    event(name: string, properties?: { [key: string]: string } | null, timestamp?: number | null, external?: boolean | null): void;
    /** The text of a file in the folder of modules, named relative to it, of at most 8 MiB. */
    fileRead(relPath: string): string;
    /** Replaces the metadata that a player has of another; where there is none, nothing happens. */
    friendMetadataUpdate(userId: string, friendUserId: string, metadata: any): void;
    /** Asks players to be friends, or agrees where they have asked. */
    friendsAdd(userId: string, username: string, userIds?: string[] | null, usernames?: string[] | null, metadata?: any | null): void;
    /** Blocks players. */
    friendsBlock(userId: string, username: string, userIds?: string[] | null, usernames?: string[] | null): void;
    /** Ends friendships, takes back or refuses invitations, lifts blocks. */
    friendsDelete(userId: string, username: string, userIds?: string[] | null, usernames?: string[] | null): void;
    /** A part of a player's list, of one state or, left out or below zero, of all. A page has 1 to 1,000 entries, 100 when not given. */
    friendsList(userId: string, limit?: number | null, state?: number | null, cursor?: string | null): FriendPage;
    /** Friends of friends who are not yet friends. A page has 1 to 100 entries, 100 when not given. */
    friendsOfFriendsList(userId: string, limit?: number | null, cursor?: string | null): FriendOfFriendPage;
    /** Creates a group with this superadmin. */
    groupCreate(userId: string, name: string, creatorId?: string | null, langTag?: string | null, description?: string | null, avatarUrl?: string | null, open?: boolean | null, metadata?: any | null, maxCount?: number | null): Group;
    /** Deletes a group and closes its chat. */
    groupDelete(groupId: string): void;
    /** Changes a group. What is left out stays as it is; an empty text takes a description or avatar away. */
    groupUpdate(groupId: string, userId?: string | null, name?: string | null, creatorId?: string | null, langTag?: string | null, description?: string | null, avatarUrl?: string | null, open?: boolean | null, metadata?: any | null, maxCount?: number | null): void;
    /** Has a player join an open group, or ask to join a closed one. */
    groupUserJoin(groupId: string, userId: string, username: string): void;
    /** Has a player leave a group. */
    groupUserLeave(groupId: string, userId: string, username: string): void;
    /** Adds players, or lets in those who asked. */
    groupUsersAdd(groupId: string, userIds: string[], callerId?: string | null): void;
    /** Removes players for good. */
    groupUsersBan(groupId: string, userIds: string[], callerId?: string | null): void;
    /** Lowers members by one step. */
    groupUsersDemote(groupId: string, userIds: string[], callerId?: string | null): void;
    /** Removes players, refuses requests, lifts bans. */
    groupUsersKick(groupId: string, userIds: string[], callerId?: string | null): void;
    /** A part of a group's players, of one state or, left out or below zero, of all but the banned. A page has 1 to 100 of them, 100 when not given. */
    groupUsersList(groupId: string, limit?: number | null, state?: number | null, cursor?: string | null): GroupUserPage;
    /** Raises members by one step. */
    groupUsersPromote(groupId: string, userIds: string[], callerId?: string | null): void;
    /** The groups that are there, in no order. */
    groupsGetId(groupIds?: string[] | null): Group[];
    /** Up to 1,000 groups by chance. */
    groupsGetRandom(count?: number | null): Group[];
    /** A part of the groups that pass a filter: a name, in which `%` stands for anything, or any of the others; `members` is the most members, any below zero. A page has 1 to 100 groups, 100 when not given. */
    groupsList(name?: string | null, langTag?: string | null, open?: boolean | null, members?: number | null, limit?: number | null, cursor?: string | null): GroupPage;
    /** HMAC with SHA-256. */
    hmacSha256Hash(input: ArrayBuffer, key: ArrayBuffer): ArrayBuffer;
    /** Sends a request to another server and answers what it says, whatever the status. The method is GET, HEAD, POST, PUT, PATCH or DELETE, the time-out in milliseconds, 5000 unless told otherwise and at most 120000. Up to ten redirections are followed; an answer has at most 8 MiB. `insecure` looks at no certificate. Each header has its first value, or all as a list if asked for, which JavaScript does unless told otherwise, and there the body is text. */
    httpRequest(url: string, method: string, headers?: { [key: string]: string } | null, body?: ArrayBuffer | null, timeout?: number | null, insecure?: boolean | null, lists?: boolean | null): HttpResponse;
    /** A signed JSON Web Token with these claims. The algorithm is HS256, with the key as it is, or RS256, with a key as `rsa_sha256_hash` takes it. */
    jwtGenerate(algorithm: string, signingKey: string, claims: { [key: string]: any }): string;
    /** Creates a leaderboard; one that is there stays as it is. Sort orders are `asc` and `desc` (the default), operators `best` (the default), `set`, `incr` and `decr`; the reset schedule is a cron expression. */
    leaderboardCreate(leaderboardId: string, authoritative?: boolean | null, sortOrder?: string | null, operator?: string | null, resetSchedule?: string | null, metadata?: any | null, enableRanks?: boolean | null): void;
    /** Deletes a leaderboard with its records; one that is not there is fine. */
    leaderboardDelete(id: string): void;
    /** Leaderboards by age. A page has 1 to 100, 10 unless asked otherwise. */
    leaderboardList(limit?: number | null, cursor?: string | null): LeaderboardList;
    /** Works out no ranks of a leaderboard any more. */
    leaderboardRanksDisable(id: string): void;
    /** Deletes an owner's present record; one that is not there is fine. */
    leaderboardRecordDelete(id: string, ownerId: string): void;
    /** Writes a score, also on authoritative boards; answers the record as it is then. The operator takes the place of the board's. */
    leaderboardRecordWrite(id: string, ownerId: string, username?: string | null, score?: number | null, subscore?: number | null, metadata?: any | null, operator?: string | null): LeaderboardRecord;
    /** The records around an owner's: 1 to 100, 10 unless asked otherwise. */
    leaderboardRecordsHaystack(id: string, ownerId: string, limit?: number | null, cursor?: string | null, expiryOverride?: number | null): LeaderboardRecordList;
    /** A page of records and those of the owners named. A page has up to 10,000 records; without a limit there is none. An expiry names a past period. */
    leaderboardRecordsList(id: string, ownerIds?: string[] | null, limit?: number | null, cursor?: string | null, expiryOverride?: number | null): LeaderboardRecordList;
    /** A cursor with which a list of records begins at a rank; empty for the first. */
    leaderboardRecordsListCursorFromRank(leaderboardId: string, rank: number, expiryOverride?: number | null): string;
    /** The leaderboards that are there, in the order of the ids. */
    leaderboardsGetId(ids?: string[] | null): Leaderboard[];
    /** Adds an Apple id to an account. */
    linkApple(userId: string, token: string): void;
    /** Gives an account a custom id, or another one. */
    linkCustom(userId: string, customId: string): void;
    /** Adds a device to an account. */
    linkDevice(userId: string, deviceId: string): void;
    /** Gives an account an email address and a password, or others. */
    linkEmail(userId: string, email: string, password: string): void;
    /** Adds Facebook to an account, and imports friends unless told otherwise. */
    linkFacebook(userId: string, username: string, token: string, importFriends?: boolean | null): void;
    /** Adds an Instant Game player to an account. */
    linkFacebookInstantGame(userId: string, playerInfo: string): void;
    /** Adds Game Center to an account. */
    linkGameCenter(userId: string, playerId: string, bundleId: string, timestamp: number, salt: string, signature: string, publicKeyUrl: string): void;
    /** Adds Google to an account. */
    linkGoogle(userId: string, token: string): void;
    /** Adds Steam to an account, and imports friends unless told otherwise. */
    linkSteam(userId: string, username: string, token: string, importFriends?: boolean | null): void;
    /** Drops all values of the cache. */
    localcacheClear(): void;
    /** Drops a value of the cache. */
    localcacheDelete(key: string): void;
    /** A value of the cache of this process, or else the default. */
    localcacheGet(key: string, defaultValue?: any | null): any | null;
    /** Keeps a value in the cache of this process for so many seconds, 0 for as long as there is room: all languages share 64 MiB, and what was put longest ago makes room. One value has at most 1 MiB. */
    localcachePut(key: string, value?: any | null, ttl?: number | null): void;
    /** Makes a match of a registered handler, which gets the parameters, and answers its id. */
    matchCreate(module: string, params?: any | null): string;
    /** One match, or nothing when there is no such match. */
    matchGet(id: string): Match | null;
    /** Running matches: 1 to 100, 1 unless asked otherwise. A label is compared as a whole; a query asks for the fields of labels. */
    matchList(limit?: number | null, authoritative?: boolean | null, label?: string | null, minSize?: number | null, maxSize?: number | null, query?: string | null): Match[];
    /** Sends a signal to a match and answers its reply, which it has 10 seconds for. */
    matchSignal(id: string, data?: string | null): string;
    /** MD5, as hexadecimal digits. Not for secrets. */
    md5Hash(input: ArrayBuffer): string;
    /** Adds to a counter of the studio's own. */
    metricsCounterAdd(name: string, tags: { [key: string]: string } | null | undefined, delta: number): void;
    /** Sets a gauge of the studio's own. */
    metricsGaugeSet(name: string, tags: { [key: string]: string } | null | undefined, value: number): void;
    /** Records a duration, in nanoseconds, in a timer of the studio's own. */
    metricsTimerRecord(name: string, tags: { [key: string]: string } | null | undefined, value: number): void;
    /** Changes accounts, writes objects, deletes objects and changes wallets, in this order, all or none of it, in one transaction; each as its own function would. Any part may be left out. */
    multiUpdate(accountUpdates?: any[] | null, storageWrites?: StorageWriteRequest[] | null, storageDeletes?: StorageDeleteRequest[] | null, walletUpdates?: WalletUpdate[] | null, updateLedger?: boolean | null): MultiUpdated;
    /** Sends a notification to a player: to the sockets that are open, and to the player's list if it is persistent. Codes are above zero, or from -2000 to -1000. */
    notificationSend(userId: string, subject: string, content: any, code: number, sender?: string | null, persistent?: boolean | null): void;
    /** Sends a notification to every player, or, if it is not persistent, to every open socket. */
    notificationSendAll(subject: string, content: any, code: number, persistent?: boolean | null): void;
    /** Deletes notifications of players. Those that are not there are fine. */
    notificationsDelete(notifications: NotificationDelete[]): void;
    /** Deletes the notifications with these ids, of one player or of anybody. */
    notificationsDeleteId(notificationIds?: string[] | null, userId?: string | null): void;
    /** The kept notifications with these ids, of one player or of anybody. */
    notificationsGetId(notificationIds: string[], userId?: string | null): Notification[];
    /** A part of a player's list. A page has 1 to 1,000 entries, 100 when not given. */
    notificationsList(userId: string, limit?: number | null, cursor?: string | null): NotificationPage;
    /** Sends many notifications, all or none. */
    notificationsSend(notifications: NotificationRequest[]): void;
    /** Changes kept notifications, all or none. */
    notificationsUpdate(updates: NotificationUpdate[]): void;
    /** Parties, newest first: 1 to 100 on a page, 10 unless asked otherwise; only open or only closed ones if asked so, hidden ones only when asked for. A query asks for the fields of labels. */
    partyList(limit: number | null | undefined, open: boolean | null | undefined, showHidden: boolean, query?: string | null, cursor?: string | null): PartyPage;
    /** The kept purchase of a transaction. */
    purchaseGetByTransactionId(transactionId: string): Purchase;
    /** Checks a receipt or signed transaction of Apple, and keeps what it confirms unless `persist` is false. `password_override` stands in for the configured shared password. */
    purchaseValidateApple(userId: string, receipt: string, persist?: boolean | null, passwordOverride?: string | null): ValidatedPurchases;
    /** Checks a purchase in a Facebook Instant Game, and keeps it unless `persist` is false. */
    purchaseValidateFacebookInstant(userId: string, signedRequest: string, persist?: boolean | null): ValidatedPurchases;
    /** Checks a purchase in Google's store, and keeps it unless `persist` is false. The service account may be another one than the configured. */
    purchaseValidateGoogle(userId: string, purchase: string, persist?: boolean | null, clientEmailOverride?: string | null, privateKeyOverride?: string | null): ValidatedPurchases;
    /** Checks a purchase in Huawei's store, and keeps it unless `persist` is false. The purchase and its signature may change places. */
    purchaseValidateHuawei(userId: string, purchase: string, signature: string, persist?: boolean | null): ValidatedPurchases;
    /** Checks a purchase in Samsung's store, and keeps it unless `persist` is false. */
    purchaseValidateSamsung(userId: string, purchaseId: string, persist?: boolean | null): ValidatedPurchases;
    /** A part of the kept purchases, newest first: a user's, or everybody's. A page has 1 to 100, 100 unless asked otherwise. */
    purchasesList(userId?: string | null, limit?: number | null, cursor?: string | null): PurchasePage;
    /** A signature by RSA (PKCS #1 v1.5) over the SHA-256 of the input. The key is a PEM text of PKCS #1 or PKCS #8, of 2048 to 4096 bits. Bytes, or Base64 if asked for, which JavaScript does unless told otherwise. */
    rsaSha256Hash(input: ArrayBuffer, key: string, base64?: boolean | null): string;
    /** Random bytes fit for keys, at most 65536. */
    secureRandomBytes(count: number): ArrayBuffer;
    /** Closes one socket of this node; one that is not open is fine. */
    sessionDisconnect(sessionId: string, reason?: number | null): void;
    /** Ends log-ins of a player and closes their sockets: the one that a token belongs to, or all when none is given. */
    sessionLogout(userId: string, token?: string | null, refreshToken?: string | null): void;
    /** SHA-256, as hexadecimal digits. */
    sha256Hash(input: ArrayBuffer): string;
    /** Runs a statement in a transaction of its own and answers how many rows it touched. Parameters are `$1` and so on; ids, times and JSON are given as texts. */
    sqlExec(query: string, parameters?: any[] | null): SqlDone;
    /** Runs a statement and answers its rows, at most 10000, each by the names of its columns. Columns of types that are neither numbers, texts, times, ids, JSON nor bytes must be cast to text. */
    sqlQuery(query: string, parameters?: any[] | null): { [key: string]: any }[];
    /** Makes a session hear of the status of users; those that are not there are left out. */
    statusFollow(sessionId: string, userIds: string[]): void;
    /** Makes a session no longer hear of the status of users; that of its own user it always does. */
    statusUnfollow(sessionId: string, userIds: string[]): void;
    /** Deletes objects, all or none, whatever their permissions say. One that is not there is an error. */
    storageDelete(objects: StorageDeleteRequest[]): void;
    /** What a storage index finds: the objects that a query matches, 1 to 10,000 on a page, 100 when not said. `order` names what they are ordered by, up to four of `create_time`, `update_time`, `_score` and `value.<sortable field>`, each with `-` before it for descending order; without it, what matches best is first. With a caller it finds what that user may read. */
    storageIndexList(index: string, query: string, limit?: number | null, order?: string[] | null, callerId?: string | null, cursor?: string | null): StorageObjectList;
    /** A part of a collection: of one owner's objects, or of everybody's. A page has 1 to 10,000 objects. With a caller it holds what that user may read. */
    storageList(userId: string | null | undefined, collection: string | null | undefined, limit: number, cursor?: string | null, callerId?: string | null): StorageObjectList;
    /** The objects that are there, each once, in the order asked for. */
    storageRead(objects: StorageReadRequest[]): StorageObject[];
    /** Writes objects, all or none, whatever their permissions say; answers one ack for each, in order. */
    storageWrite(objects: StorageWriteRequest[]): StorageWriteAck[];
    /** Takes everybody off a stream. */
    streamClose(stream: Stream): void;
    /** How many are on a stream of this node, hidden ones included. */
    streamCount(stream: Stream): number;
    /** Sends a text to all who hear a stream, or to those named of them. What need not arrive is dropped where a connection is slow. */
    streamSend(stream: Stream, data: string, presences?: PresenceId[] | null, reliable?: boolean | null): void;
    /** Sends an envelope of the realtime protocol to all who hear a stream, or to those named of them. */
    streamSendRaw(stream: Stream, envelope: any, presences?: PresenceId[] | null, reliable?: boolean | null): void;
    /** What a socket shows on a stream; nothing when it is not there. */
    streamUserGet(userId: string, sessionId: string, stream: Stream): PresenceMeta | null;
    /** Lets a socket of a user hear a stream and shows it there; answers whether that is new. Hidden ones are not announced. */
    streamUserJoin(userId: string, sessionId: string, stream: Stream, hidden?: boolean | null, persistence?: boolean | null, status?: string | null): boolean;
    /** Takes somebody off a stream; one that is not there is fine. */
    streamUserKick(presence: PresenceId, stream: Stream): void;
    /** Takes a socket off a stream; one that is not there is fine. */
    streamUserLeave(userId: string, sessionId: string, stream: Stream): void;
    /** Who is on a stream of this node, in the order in which they came. */
    streamUserList(stream: Stream, includeHidden?: boolean | null, includeNotHidden?: boolean | null): StreamPresence[];
    /** Changes what a socket shows on a stream; one that is not there is an error. */
    streamUserUpdate(userId: string, sessionId: string, stream: Stream, hidden?: boolean | null, persistence?: boolean | null, status?: string | null): void;
    /** A user's kept subscription to a product; of several, the one that ends last. */
    subscriptionGetByProductId(userId: string, productId: string): Subscription;
    /** Checks a subscription in a receipt or signed transaction of Apple, and keeps it unless `persist` is false. `password_override` stands in for the configured shared password. */
    subscriptionValidateApple(userId: string, receipt: string, persist?: boolean | null, passwordOverride?: string | null): ValidatedSubscription;
    /** Checks a subscription in Google's store, and keeps it unless `persist` is false. The service account may be another one than the configured. */
    subscriptionValidateGoogle(userId: string, receipt: string, persist?: boolean | null, clientEmailOverride?: string | null, privateKeyOverride?: string | null): ValidatedSubscription;
    /** A part of the kept subscriptions, newest first: a user's, or everybody's. A page has 1 to 100, 100 unless asked otherwise. */
    subscriptionsList(userId?: string | null, limit?: number | null, cursor?: string | null): SubscriptionPage;
    /** Changes how often an owner may write in this period. */
    tournamentAddAttempt(id: string, ownerId: string, count: number): void;
    /** Creates a tournament; one that is there stays as it is. Authoritative unless told otherwise. Words are those of leaderboards; times are Unix seconds, 0 for now or never; 0 for the largest size and the number of scores means no limit. */
    tournamentCreate(id: string, authoritative?: boolean | null, sortOrder?: string | null, operator?: string | null, duration?: number | null, resetSchedule?: string | null, metadata?: any | null, title?: string | null, description?: string | null, category?: number | null, startTime?: number | null, endTime?: number | null, maxSize?: number | null, maxNumScore?: number | null, joinRequired?: boolean | null, enableRanks?: boolean | null): void;
    /** Deletes a tournament with its records; one that is not there is fine. */
    tournamentDelete(id: string): void;
    /** Makes a user a member of a tournament that one must join. */
    tournamentJoin(id: string, userId: string, username: string): void;
    /** Tournaments of these categories (0 to 0 unless told otherwise) that start at a time or later and end at a time or before it (0 for those without an end; left out for those that have not ended). A page has 1 to 100, 10 unless asked otherwise. */
    tournamentList(categoryStart?: number | null, categoryEnd?: number | null, startTime?: number | null, endTime?: number | null, limit?: number | null, cursor?: string | null): TournamentList;
    /** Deletes an owner's present record and frees the place; one that is not there is fine. */
    tournamentRecordDelete(id: string, ownerId: string): void;
    /** Writes a score, also in authoritative tournaments; answers the record as it is then. */
    tournamentRecordWrite(id: string, ownerId: string, username?: string | null, score?: number | null, subscore?: number | null, metadata?: any | null, operator?: string | null): LeaderboardRecord;
    /** The records around an owner's, as for leaderboards. */
    tournamentRecordsHaystack(id: string, ownerId: string, limit?: number | null, cursor?: string | null, expiryOverride?: number | null): LeaderboardRecordList;
    /** A page of records and those of the owners named, as for leaderboards. */
    tournamentRecordsList(tournamentId: string, ownerIds?: string[] | null, limit?: number | null, cursor?: string | null, expiryOverride?: number | null): LeaderboardRecordList;
    /** The tournaments that are there, in the order of the ids. */
    tournamentsGetId(tournamentIds?: string[] | null): Tournament[];
    /** Works out no ranks of a tournament any more. */
    tournamentsRanksDisable(id: string): void;
    /** Takes the Apple id away, if that is the proved one where a proof is given. The last way to sign in stays. */
    unlinkApple(userId: string, token?: string | null): void;
    /** Takes the custom id of an account away, the given one if one is given. The last way to sign in stays. */
    unlinkCustom(userId: string, customId?: string | null): void;
    /** Takes a device of an account away. The last way to sign in stays. */
    unlinkDevice(userId: string, deviceId: string): void;
    /** Takes the email address and the password of an account away, if it is the given one. The last way to sign in stays. */
    unlinkEmail(userId: string, email?: string | null): void;
    /** Takes Facebook away, if that is the proved one where a proof is given. The last way to sign in stays. */
    unlinkFacebook(userId: string, token?: string | null): void;
    /** Takes the Instant Game player away, if that is the proved one where a proof is given. The last way to sign in stays. */
    unlinkFacebookInstantGame(userId: string, playerInfo?: string | null): void;
    /** Takes Game Center away, if that is the proved one where a proof is given. The last way to sign in stays. */
    unlinkGameCenter(userId: string, playerId?: string | null, bundleId?: string | null, timestamp?: number | null, salt?: string | null, signature?: string | null, publicKeyUrl?: string | null): void;
    /** Takes Google away, if that is the proved one where a proof is given. The last way to sign in stays. */
    unlinkGoogle(userId: string, token?: string | null): void;
    /** Takes Steam away, if that is the proved one where a proof is given. The last way to sign in stays. */
    unlinkSteam(userId: string, token?: string | null): void;
    /** A part of a player's groups, in one state or, left out or below zero, in any. A page has 1 to 100 of them, 100 when not given. */
    userGroupsList(userId: string, limit?: number | null, state?: number | null, cursor?: string | null): UserGroupPage;
    /** Bans players: their tokens are revoked, their sockets closed, log-ins refused. */
    usersBanId(userIds?: string[] | null): void;
    /** What these players are to a player, where they are anything. */
    usersGetFriendStatus(userId: string, userIds: string[]): Friend[];
    /** The players with these ids or Facebook ids, each once, in no order. */
    usersGetId(userIds?: string[] | null, facebookIds?: string[] | null): User[];
    /** Random players, up to 1,000; fewer when there are not so many. */
    usersGetRandom(count?: number | null): User[];
    /** The players with these user names, in no order. */
    usersGetUsername(usernames?: string[] | null): User[];
    /** Lifts bans. */
    usersUnbanId(userIds?: string[] | null): void;
    /** A random id, version 4. */
    uuidv4(): string;
    /** A part of a user's ledger, newest first. A page has 1 to 100 entries, 100 unless asked otherwise. */
    walletLedgerList(userId: string, limit?: number | null, cursor?: string | null): WalletLedgerList;
    /** Adds fields to the metadata of an entry of a ledger, in place of those of the same names, and answers the entry. */
    walletLedgerUpdate(itemId: string, metadata: any): WalletLedgerResult;
    /** Adds a changeset to a wallet and, if asked to, writes a ledger entry. All or nothing; no currency goes below zero. */
    walletUpdate(userId: string, changeset: { [key: string]: number }, metadata?: any | null, updateLedger?: boolean | null): WalletUpdateResult;
    /** Changes wallets in order, all or none. */
    walletsUpdate(updates: WalletUpdate[], updateLedger?: boolean | null): WalletUpdateResult[];
  }

  /** A player as server code sees them. */
  interface Account {
    userId: string;
    user: User;
    wallet: { [key: string]: number };
    email?: string | null;
    devices: Device[];
    customId?: string | null;
    /** Unix seconds. */
    verifyTime?: number | null;
    /** When the player was banned, in Unix seconds. */
    disableTime?: number | null;
  }

  /** A device that a player signs in with. */
  interface Device {
    /** Its id. */
    id: string;
  }

  /** Somebody in a player's list: a friend, or invited, or blocked. */
  interface Friend {
    /** 0 friend, 1 invited, 2 has invited, 3 blocked. */
    state: number;
    updateTime: number;
    user: User;
    /** A JSON object. */
    metadata: any;
  }

  /** A part of the list of a player's friends' friends. */
  interface FriendOfFriendPage {
    /** By the friend in between. */
    friendsOfFriends: FriendOfFriend[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** A friend of a friend. */
  interface FriendOfFriend {
    /** The friend in between. */
    referrer: string;
    /** Their friend. */
    user: User;
  }

  /** A part of a player's list. */
  interface FriendPage {
    /** By state, then age. */
    friends: Friend[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** A group. */
  interface Group {
    id: string;
    creatorId: string;
    name: string;
    description: string;
    avatarUrl: string;
    langTag: string;
    open: boolean;
    edgeCount: number;
    maxCount: number;
    createTime: number;
    updateTime: number;
    /** A JSON object. */
    metadata: any;
  }

  /** A part of a list of groups. */
  interface GroupPage {
    /** The groups. */
    groups: Group[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** A part of a group's players. */
  interface GroupUserPage {
    /** By state, then age. */
    groupUsers: GroupUser[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** A player of a group. */
  interface GroupUser {
    /** The player. */
    user: User;
    /** 0 superadmin, 1 admin, 2 member, 3 asks to join, 4 banned. */
    state: number;
  }

  /** A part of a history. */
  interface History {
    messages: Message[];
    nextCursor?: string | null;
    prevCursor?: string | null;
    cacheableCursor?: string | null;
  }

  /** What another server answers. */
  interface HttpResponse {
    /** The status. */
    code: number;
    /** By their names, written like `Content-Type`. */
    headers: { [key: string]: string[] };
    /** The body. */
    body: string;
  }

  /** A leaderboard. Times in Unix seconds, 0 where there is none. */
  interface Leaderboard {
    id: string;
    title: string;
    description: string;
    category: number;
    authoritative: boolean;
    /** 0 ascending, 1 descending. */
    sortOrder: number;
    /** `best`, `set`, `increment` or `decrement`. */
    operator: string;
    prevReset: number;
    nextReset: number;
    /** A JSON object. */
    metadata: any;
    createTime: number;
  }

  /** Leaderboards by age. */
  interface LeaderboardList {
    /** The leaderboards. */
    leaderboards: Leaderboard[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** An entry of a ledger. */
  interface WalletLedgerResult {
    id: string;
    userId: string;
    changeset: { [key: string]: number };
    metadata: any;
    createTime: number;
    updateTime: number;
  }

  /** A part of a ledger, newest first. */
  interface WalletLedgerList {
    /** The entries. */
    items: WalletLedgerResult[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** A running match. */
  interface Match {
    matchId: string;
    authoritative: boolean;
    label: string;
    size: number;
    tickRate: number;
    handlerName: string;
  }

  /** A message out of the history. Its fields are spelt alike in every language. */
  interface Message {
    channelId: string;
    messageId: string;
    code: number;
    senderId: string;
    username: string;
    /** The text of a JSON object. */
    content: string;
    createTime: number;
    updateTime: number;
    persistent: boolean;
    roomName: string;
    groupId: string;
    userIdOne: string;
    userIdTwo: string;
  }

  /** A message that was sent, changed or removed. Its fields are spelt alike in every language. */
  interface MessageAck {
    channelId: string;
    messageId: string;
    code: number;
    username: string;
    createTime: number;
    updateTime: number;
    persistent: boolean;
  }

  /** What came of the objects that were written and of the wallets, in their order. */
  interface MultiUpdated {
    storageWriteAcks: StorageWriteAck[];
    walletUpdateAcks: WalletUpdateResult[];
  }

  /** A kept notification. */
  interface Notification {
    id: string;
    userId: string;
    subject: string;
    /** A JSON object. */
    content: any;
    code: number;
    /** Left out for the server. */
    senderId?: string | null;
    createTime: number;
    persistent: boolean;
  }

  /** A notification to delete. */
  interface NotificationDelete {
    userId: string;
    notificationId: string;
  }

  /** A part of a player's list. */
  interface NotificationPage {
    /** Oldest first. */
    notifications: NotificationItem[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** A notification in a player's list. */
  interface NotificationItem {
    id: string;
    subject: string;
    /** The text of a JSON object. */
    content: string;
    code: number;
    /** Empty for the server. */
    senderId: string;
    persistent: boolean;
    createTime: number;
  }

  /** A notification to send. */
  interface NotificationRequest {
    userId: string;
    subject: string;
    /** A JSON object. */
    content: any;
    /** Above zero, or from -2000 to -1000. */
    code: number;
    /** Nobody for the server. */
    senderId?: string | null;
    /** Whether it is kept for later. */
    persistent?: boolean | null;
  }

  /** A change of a kept notification. What is left out stays as it is. */
  interface NotificationUpdate {
    id: string;
    content?: any | null;
    subject?: string | null;
    sender?: string | null;
  }

  /** A kept object. */
  interface StorageObject {
    collection: string;
    key: string;
    userId: string;
    /** A JSON object. */
    value: any;
    version: string;
    permissionRead: number;
    permissionWrite: number;
    createTime: number;
    updateTime: number;
  }

  /** An object that was written. */
  interface StorageWriteAck {
    collection: string;
    key: string;
    userId: string;
    version: string;
    createTime: number;
    updateTime: number;
  }

  /** An object to delete. */
  interface StorageDeleteRequest {
    collection: string;
    key: string;
    /** The owner; nobody for the system. */
    userId?: string | null;
    /** Empty for no condition, else the version it must have. */
    version?: string | null;
  }

  /** What names an object. */
  interface StorageReadRequest {
    collection: string;
    key: string;
    /** The owner; nobody for the system. */
    userId?: string | null;
  }

  /** A part of a collection. */
  interface StorageObjectList {
    /** The objects: those of one owner by read permission and key, those of all by key and owner. */
    objects: StorageObject[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** An object to write. */
  interface StorageWriteRequest {
    collection: string;
    key: string;
    /** The owner; nobody for the system. */
    userId?: string | null;
    /** A JSON object. */
    value: any;
    /** Empty for no condition, `*` for "must not be there", else the version it must have. */
    version?: string | null;
    /** 0 nobody, 1 the owner, 2 everybody; left out is 1. */
    permissionRead?: number | null;
    /** 0 nobody, 1 the owner; left out is 1. */
    permissionWrite?: number | null;
  }

  /** A part of the parties. */
  interface PartyPage {
    /** The parties, newest first. */
    parties: Party[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** A party as a listing shows it. Scripts see `party_id` and `max_size` under the names `match_id` and `maxSize` as well, which existing Lua modules read. */
  interface Party {
    partyId: string;
    open: boolean;
    hidden: boolean;
    maxSize: number;
    label: string;
  }

  /** One on a stream. */
  interface StreamPresence {
    userId: string;
    sessionId: string;
    nodeId: string;
    node: string;
    hidden: boolean;
    persistence: boolean;
    username: string;
    status: string;
  }

  /** One on a stream, as server code names them: the socket is what counts. */
  interface PresenceId {
    userId: string;
    sessionId: string;
  }

  /** What one shows on a stream. */
  interface PresenceMeta {
    hidden: boolean;
    persistence: boolean;
    username: string;
    status: string;
  }

  /** A purchase that a store has confirmed. */
  interface Purchase {
    /** Whose it is; empty when nobody has brought it, or the account is deleted. */
    userId: string;
    /** What was bought. */
    productId: string;
    /** What makes it this purchase and no other. */
    transactionId: string;
    /** `APPLE_APP_STORE`, `GOOGLE_PLAY_STORE`, `HUAWEI_APP_GALLERY`, `FACEBOOK_INSTANT_STORE` or `SAMSUNG_GALAXY_STORE`. */
    store: string;
    /** When it was made. */
    purchaseTime: number;
    /** When it was first kept, if it is. */
    createTime?: number | null;
    /** When it was last brought, if it is kept. */
    updateTime?: number | null;
    /** When the money was given back. When it was not: 0 in lists, and left out where a proof was checked. */
    refundTime?: number | null;
    /** What the store said, as JSON; empty for a signed transaction that was just brought. */
    providerResponse: string;
    /** `PRODUCTION`, `SANDBOX` for a trial, or `UNKNOWN`. */
    environment: string;
    /** Whether it was kept before, whoever brought it. */
    seenBefore: boolean;
  }

  /** A part of the kept purchases, newest first. */
  interface PurchasePage {
    /** The purchases. */
    validatedPurchases: Purchase[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
    /** Where the page before begins; `None` on the first. */
    prevCursor?: string | null;
  }

  /** A record of a leaderboard or tournament. */
  interface LeaderboardRecord {
    leaderboardId: string;
    ownerId: string;
    username?: string | null;
    score: number;
    subscore: number;
    numScore: number;
    maxNumScore: number;
    /** A JSON object. */
    metadata: any;
    createTime: number;
    updateTime: number;
    /** Unix seconds; left out when the record never expires. */
    expiryTime?: number | null;
    /** The best has 1; 0 when the board has no ranks. */
    rank: number;
  }

  /** A part of a period's records, best first. */
  interface LeaderboardRecordList {
    records: LeaderboardRecord[];
    ownerRecords: LeaderboardRecord[];
    nextCursor?: string | null;
    prevCursor?: string | null;
    /** How many records there are; 0 when the board has no ranks. */
    rankCount: number;
  }

  /** Who has signed in. */
  interface SignIn {
    userId: string;
    username: string;
    /** Whether the account is new. */
    created: boolean;
  }

  /** What a statement has done. */
  interface SqlDone {
    /** How many rows it touched. */
    rowsAffected: number;
  }

  /** The address of a stream. */
  interface Stream {
    /** What it is used for; 8 to 255 are free. */
    mode: number;
    /** Whom or what it is about, as a UUID. */
    subject?: string | null;
    /** A second subject, as a UUID. */
    subcontext?: string | null;
    /** A name. */
    label?: string | null;
  }

  /** A subscription that a store has confirmed. */
  interface Subscription {
    /** Whose it is; empty when nobody has brought it, or the account is deleted. */
    userId: string;
    /** What was subscribed to. */
    productId: string;
    /** What all renewals have in common. */
    originalTransactionId: string;
    /** `APPLE_APP_STORE` or `GOOGLE_PLAY_STORE`. */
    store: string;
    /** When it began. */
    purchaseTime: number;
    /** When it was first kept, if it is. */
    createTime?: number | null;
    /** When it was last brought or heard of, if it is kept. */
    updateTime?: number | null;
    /** When it ends unless it is renewed. */
    expiryTime: number;
    /** When the money was given back. When it was not: 0 in lists, and left out where a proof was checked. */
    refundTime?: number | null;
    /** What the store answered, as JSON; empty for a signed transaction that was just brought. */
    providerResponse: string;
    /** What the store told by itself, as JSON. */
    providerNotification: string;
    /** `PRODUCTION`, `SANDBOX` for a trial, or `UNKNOWN`. */
    environment: string;
    /** Whether it has not ended and its money was not given back. */
    active: boolean;
  }

  /** A part of the kept subscriptions, newest first. */
  interface SubscriptionPage {
    /** The subscriptions. */
    validatedSubscriptions: Subscription[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
    /** Where the page before begins; `None` on the first. */
    prevCursor?: string | null;
  }

  /** A session token. */
  interface Token {
    /** The token. */
    token: string;
    /** When it expires, in Unix seconds. */
    exp: number;
  }

  /** A tournament as it is at some moment. Times in Unix seconds, 0 where there is none. */
  interface Tournament {
    id: string;
    title: string;
    description: string;
    category: number;
    authoritative: boolean;
    /** 0 ascending, 1 descending. */
    sortOrder: number;
    /** `best`, `set`, `increment` or `decrement`. */
    operator: string;
    size: number;
    maxSize: number;
    maxNumScore: number;
    /** In seconds. */
    duration: number;
    startActive: number;
    endActive: number;
    canEnter: boolean;
    prevReset: number;
    nextReset: number;
    /** A JSON object. */
    metadata: any;
    createTime: number;
    startTime: number;
    endTime: number;
    joinRequired: boolean;
  }

  /** A part of the list of tournaments. */
  interface TournamentList {
    /** By start (earliest first), end (latest first), category and id. */
    tournaments: Tournament[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** A player as others see them. */
  interface User {
    userId: string;
    username: string;
    displayName: string;
    avatarUrl: string;
    langTag: string;
    location: string;
    timezone: string;
    appleId?: string | null;
    facebookId?: string | null;
    facebookInstantGameId?: string | null;
    googleId?: string | null;
    gamecenterId?: string | null;
    steamId?: string | null;
    online: boolean;
    edgeCount: number;
    createTime: number;
    updateTime: number;
    /** A JSON object. */
    metadata: any;
  }

  /** A part of a player's groups. */
  interface UserGroupPage {
    /** By state, then age. */
    userGroups: UserGroup[];
    /** Where the next page begins; `None` on the last. */
    cursor?: string | null;
  }

  /** A group of a player. */
  interface UserGroup {
    /** The group. */
    group: Group;
    /** 0 superadmin, 1 admin, 2 member, 3 asks to join. */
    state: number;
  }

  /** What came of a proof. */
  interface ValidatedPurchases {
    /** What the store confirms: one purchase, or for a receipt of Apple all that are in it. */
    validatedPurchases: Purchase[];
  }

  /** What came of a proof. */
  interface ValidatedSubscription {
    /** What the store confirms. */
    validatedSubscription: Subscription;
  }

  /** A change of one wallet. */
  interface WalletUpdate {
    /** Whose. */
    userId: string;
    /** What to add to each currency; negative numbers take away. */
    changeset: { [key: string]: number };
    /** Why: a JSON object, for the ledger. */
    metadata?: any | null;
  }

  /** A wallet before and after a change. */
  interface WalletUpdateResult {
    userId: string;
    updated: { [key: string]: number };
    previous: { [key: string]: number };
  }

  /** `nakama.api.Account` */
  interface ApiAccount {
    user: ApiUser | null;
    wallet: string;
    email: string;
    devices: ApiAccountDevice[];
    customId: string;
    verifyTime: string | null;
    disableTime: string | null;
  }

  /** `nakama.api.AccountApple` */
  interface ApiAccountApple {
    token: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.AccountCustom` */
  interface ApiAccountCustom {
    id: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.AccountDevice` */
  interface ApiAccountDevice {
    id: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.AccountEmail` */
  interface ApiAccountEmail {
    email: string;
    password: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.AccountFacebook` */
  interface ApiAccountFacebook {
    token: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.AccountFacebookInstantGame` */
  interface ApiAccountFacebookInstantGame {
    signedPlayerInfo: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.AccountGameCenter` */
  interface ApiAccountGameCenter {
    playerId: string;
    bundleId: string;
    timestampSeconds: string;
    salt: string;
    signature: string;
    publicKeyUrl: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.AccountGoogle` */
  interface ApiAccountGoogle {
    token: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.AccountSteam` */
  interface ApiAccountSteam {
    token: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.AddFriendsRequest` */
  interface ApiAddFriendsRequest {
    ids: string[];
    usernames: string[];
    metadata: string;
  }

  /** `nakama.api.AddGroupUsersRequest` */
  interface ApiAddGroupUsersRequest {
    groupId: string;
    userIds: string[];
  }

  /** `nakama.api.AuthenticateAppleRequest` */
  interface ApiAuthenticateAppleRequest {
    account: ApiAccountApple | null;
    create: boolean | null;
    username: string;
  }

  /** `nakama.api.AuthenticateCustomRequest` */
  interface ApiAuthenticateCustomRequest {
    account: ApiAccountCustom | null;
    create: boolean | null;
    username: string;
  }

  /** `nakama.api.AuthenticateDeviceRequest` */
  interface ApiAuthenticateDeviceRequest {
    account: ApiAccountDevice | null;
    create: boolean | null;
    username: string;
  }

  /** `nakama.api.AuthenticateEmailRequest` */
  interface ApiAuthenticateEmailRequest {
    account: ApiAccountEmail | null;
    create: boolean | null;
    username: string;
  }

  /** `nakama.api.AuthenticateFacebookInstantGameRequest` */
  interface ApiAuthenticateFacebookInstantGameRequest {
    account: ApiAccountFacebookInstantGame | null;
    create: boolean | null;
    username: string;
  }

  /** `nakama.api.AuthenticateFacebookRequest` */
  interface ApiAuthenticateFacebookRequest {
    account: ApiAccountFacebook | null;
    create: boolean | null;
    username: string;
    sync: boolean | null;
  }

  /** `nakama.api.AuthenticateGameCenterRequest` */
  interface ApiAuthenticateGameCenterRequest {
    account: ApiAccountGameCenter | null;
    create: boolean | null;
    username: string;
  }

  /** `nakama.api.AuthenticateGoogleRequest` */
  interface ApiAuthenticateGoogleRequest {
    account: ApiAccountGoogle | null;
    create: boolean | null;
    username: string;
  }

  /** `nakama.api.AuthenticateSteamRequest` */
  interface ApiAuthenticateSteamRequest {
    account: ApiAccountSteam | null;
    create: boolean | null;
    username: string;
    sync: boolean | null;
  }

  /** `nakama.api.BanGroupUsersRequest` */
  interface ApiBanGroupUsersRequest {
    groupId: string;
    userIds: string[];
  }

  /** `nakama.api.BlockFriendsRequest` */
  interface ApiBlockFriendsRequest {
    ids: string[];
    usernames: string[];
  }

  /** `nakama.api.ChannelMessage` */
  interface ApiChannelMessage {
    channelId: string;
    messageId: string;
    code: number | null;
    senderId: string;
    username: string;
    content: string;
    createTime: string | null;
    updateTime: string | null;
    persistent: boolean | null;
    roomName: string;
    groupId: string;
    userIdOne: string;
    userIdTwo: string;
  }

  /** `nakama.api.ChannelMessageList` */
  interface ApiChannelMessageList {
    messages: ApiChannelMessage[];
    nextCursor: string;
    prevCursor: string;
    cacheableCursor: string;
  }

  /** `nakama.api.CreateGroupRequest` */
  interface ApiCreateGroupRequest {
    name: string;
    description: string;
    langTag: string;
    avatarUrl: string;
    open: boolean;
    maxCount: number;
  }

  /** `nakama.api.DeleteFriendsRequest` */
  interface ApiDeleteFriendsRequest {
    ids: string[];
    usernames: string[];
  }

  /** `nakama.api.DeleteGroupRequest` */
  interface ApiDeleteGroupRequest {
    groupId: string;
  }

  /** `nakama.api.DeleteLeaderboardRecordRequest` */
  interface ApiDeleteLeaderboardRecordRequest {
    leaderboardId: string;
  }

  /** `nakama.api.DeleteNotificationsRequest` */
  interface ApiDeleteNotificationsRequest {
    ids: string[];
  }

  /** `nakama.api.DeleteStorageObjectId` */
  interface ApiDeleteStorageObjectId {
    collection: string;
    key: string;
    version: string;
  }

  /** `nakama.api.DeleteStorageObjectsRequest` */
  interface ApiDeleteStorageObjectsRequest {
    objectIds: ApiDeleteStorageObjectId[];
  }

  /** `nakama.api.DeleteTournamentRecordRequest` */
  interface ApiDeleteTournamentRecordRequest {
    tournamentId: string;
  }

  /** `nakama.api.DemoteGroupUsersRequest` */
  interface ApiDemoteGroupUsersRequest {
    groupId: string;
    userIds: string[];
  }

  /** `nakama.api.Event` */
  interface ApiEvent {
    name: string;
    properties: { [key: string]: string };
    timestamp: string | null;
    external: boolean;
  }

  /** `nakama.api.Friend` */
  interface ApiFriend {
    user: ApiUser | null;
    state: number | null;
    updateTime: string | null;
    metadata: string;
  }

  /** `nakama.api.FriendList` */
  interface ApiFriendList {
    friends: ApiFriend[];
    cursor: string;
  }

  /** `nakama.api.FriendsOfFriendsList` */
  interface ApiFriendsOfFriendsList {
    friendsOfFriends: ApiFriendsOfFriendsListFriendOfFriend[];
    cursor: string;
  }

  /** `nakama.api.FriendsOfFriendsList.FriendOfFriend` */
  interface ApiFriendsOfFriendsListFriendOfFriend {
    referrer: string;
    user: ApiUser | null;
  }

  /** `nakama.api.GetSubscriptionRequest` */
  interface ApiGetSubscriptionRequest {
    productId: string;
  }

  /** `nakama.api.GetUsersRequest` */
  interface ApiGetUsersRequest {
    ids: string[];
    usernames: string[];
    facebookIds: string[];
  }

  /** `nakama.api.Group` */
  interface ApiGroup {
    id: string;
    creatorId: string;
    name: string;
    description: string;
    langTag: string;
    metadata: string;
    avatarUrl: string;
    open: boolean | null;
    edgeCount: number;
    maxCount: number;
    createTime: string | null;
    updateTime: string | null;
  }

  /** `nakama.api.GroupList` */
  interface ApiGroupList {
    groups: ApiGroup[];
    cursor: string;
  }

  /** `nakama.api.GroupUserList` */
  interface ApiGroupUserList {
    groupUsers: ApiGroupUserListGroupUser[];
    cursor: string;
  }

  /** `nakama.api.GroupUserList.GroupUser` */
  interface ApiGroupUserListGroupUser {
    user: ApiUser | null;
    state: number | null;
  }

  /** `nakama.api.ImportFacebookFriendsRequest` */
  interface ApiImportFacebookFriendsRequest {
    account: ApiAccountFacebook | null;
    reset: boolean | null;
  }

  /** `nakama.api.ImportSteamFriendsRequest` */
  interface ApiImportSteamFriendsRequest {
    account: ApiAccountSteam | null;
    reset: boolean | null;
  }

  /** `nakama.api.JoinGroupRequest` */
  interface ApiJoinGroupRequest {
    groupId: string;
  }

  /** `nakama.api.JoinTournamentRequest` */
  interface ApiJoinTournamentRequest {
    tournamentId: string;
  }

  /** `nakama.api.KickGroupUsersRequest` */
  interface ApiKickGroupUsersRequest {
    groupId: string;
    userIds: string[];
  }

  /** `nakama.api.LeaderboardRecord` */
  interface ApiLeaderboardRecord {
    leaderboardId: string;
    ownerId: string;
    username: string | null;
    score: string;
    subscore: string;
    numScore: number;
    metadata: string;
    createTime: string | null;
    updateTime: string | null;
    expiryTime: string | null;
    rank: string;
    maxNumScore: number;
  }

  /** `nakama.api.LeaderboardRecordList` */
  interface ApiLeaderboardRecordList {
    records: ApiLeaderboardRecord[];
    ownerRecords: ApiLeaderboardRecord[];
    nextCursor: string;
    prevCursor: string;
    rankCount: string;
  }

  /** `nakama.api.LeaveGroupRequest` */
  interface ApiLeaveGroupRequest {
    groupId: string;
  }

  /** `nakama.api.LinkFacebookRequest` */
  interface ApiLinkFacebookRequest {
    account: ApiAccountFacebook | null;
    sync: boolean | null;
  }

  /** `nakama.api.LinkSteamRequest` */
  interface ApiLinkSteamRequest {
    account: ApiAccountSteam | null;
    sync: boolean | null;
  }

  /** `nakama.api.ListChannelMessagesRequest` */
  interface ApiListChannelMessagesRequest {
    channelId: string;
    limit: number | null;
    forward: boolean | null;
    cursor: string;
  }

  /** `nakama.api.ListFriendsOfFriendsRequest` */
  interface ApiListFriendsOfFriendsRequest {
    limit: number | null;
    cursor: string;
  }

  /** `nakama.api.ListFriendsRequest` */
  interface ApiListFriendsRequest {
    limit: number | null;
    state: number | null;
    cursor: string;
  }

  /** `nakama.api.ListGroupUsersRequest` */
  interface ApiListGroupUsersRequest {
    groupId: string;
    limit: number | null;
    state: number | null;
    cursor: string;
  }

  /** `nakama.api.ListGroupsRequest` */
  interface ApiListGroupsRequest {
    name: string;
    cursor: string;
    limit: number | null;
    langTag: string;
    members: number | null;
    open: boolean | null;
  }

  /** `nakama.api.ListLeaderboardRecordsAroundOwnerRequest` */
  interface ApiListLeaderboardRecordsAroundOwnerRequest {
    leaderboardId: string;
    limit: number | null;
    ownerId: string;
    expiry: string | null;
    cursor: string;
  }

  /** `nakama.api.ListLeaderboardRecordsRequest` */
  interface ApiListLeaderboardRecordsRequest {
    leaderboardId: string;
    ownerIds: string[];
    limit: number | null;
    cursor: string;
    expiry: string | null;
  }

  /** `nakama.api.ListMatchesRequest` */
  interface ApiListMatchesRequest {
    limit: number | null;
    authoritative: boolean | null;
    label: string | null;
    minSize: number | null;
    maxSize: number | null;
    query: string | null;
  }

  /** `nakama.api.ListNotificationsRequest` */
  interface ApiListNotificationsRequest {
    limit: number | null;
    cacheableCursor: string;
  }

  /** `nakama.api.ListPartiesRequest` */
  interface ApiListPartiesRequest {
    limit: number | null;
    open: boolean | null;
    query: string | null;
    cursor: string | null;
  }

  /** `nakama.api.ListStorageObjectsRequest` */
  interface ApiListStorageObjectsRequest {
    userId: string;
    collection: string;
    limit: number | null;
    cursor: string;
  }

  /** `nakama.api.ListSubscriptionsRequest` */
  interface ApiListSubscriptionsRequest {
    limit: number | null;
    cursor: string;
  }

  /** `nakama.api.ListTournamentRecordsAroundOwnerRequest` */
  interface ApiListTournamentRecordsAroundOwnerRequest {
    tournamentId: string;
    limit: number | null;
    ownerId: string;
    expiry: string | null;
    cursor: string;
  }

  /** `nakama.api.ListTournamentRecordsRequest` */
  interface ApiListTournamentRecordsRequest {
    tournamentId: string;
    ownerIds: string[];
    limit: number | null;
    cursor: string;
    expiry: string | null;
  }

  /** `nakama.api.ListTournamentsRequest` */
  interface ApiListTournamentsRequest {
    categoryStart: number | null;
    categoryEnd: number | null;
    startTime: number | null;
    endTime: number | null;
    limit: number | null;
    cursor: string;
  }

  /** `nakama.api.ListUserGroupsRequest` */
  interface ApiListUserGroupsRequest {
    userId: string;
    limit: number | null;
    state: number | null;
    cursor: string;
  }

  /** `nakama.api.Match` */
  interface ApiMatch {
    matchId: string;
    authoritative: boolean;
    label: string | null;
    size: number;
    tickRate: number;
    handlerName: string;
  }

  /** `nakama.api.MatchList` */
  interface ApiMatchList {
    matches: ApiMatch[];
  }

  /** `nakama.api.MatchmakerCompletionStats` */
  interface ApiMatchmakerCompletionStats {
    createTime: string | null;
    completeTime: string | null;
  }

  /** `nakama.api.MatchmakerStats` */
  interface ApiMatchmakerStats {
    ticketCount: number;
    oldestTicketCreateTime: string | null;
    completions: ApiMatchmakerCompletionStats[];
  }

  /** `nakama.api.MintTokenRequest` */
  interface ApiMintTokenRequest {
    rights: string[];
    expirySec: number | null;
    boards: string[];
    channels: string[];
    collections: string[];
    functions: string[];
    groups: string[];
    keys: string[];
    matches: string[];
    owners: string[];
    parties: string[];
    targets: string[];
    requires: ApiTokenRequirement[];
    vars: string[];
  }

  /** `nakama.api.MintedToken` */
  interface ApiMintedToken {
    token: string;
    revocationId: string;
    expireTime: string | null;
  }

  /** `nakama.api.Notification` */
  interface ApiNotification {
    id: string;
    subject: string;
    content: string;
    code: number;
    senderId: string;
    createTime: string | null;
    persistent: boolean;
  }

  /** `nakama.api.NotificationList` */
  interface ApiNotificationList {
    notifications: ApiNotification[];
    cacheableCursor: string;
  }

  /** `nakama.api.Party` */
  interface ApiParty {
    partyId: string;
    open: boolean;
    hidden: boolean;
    maxSize: number;
    label: string;
  }

  /** `nakama.api.PartyList` */
  interface ApiPartyList {
    parties: ApiParty[];
    cursor: string;
  }

  /** `nakama.api.PromoteGroupUsersRequest` */
  interface ApiPromoteGroupUsersRequest {
    groupId: string;
    userIds: string[];
  }

  /** `nakama.api.ReadStorageObjectId` */
  interface ApiReadStorageObjectId {
    collection: string;
    key: string;
    userId: string;
  }

  /** `nakama.api.ReadStorageObjectsRequest` */
  interface ApiReadStorageObjectsRequest {
    objectIds: ApiReadStorageObjectId[];
  }

  /** `nakama.api.RevokeTokenRequest` */
  interface ApiRevokeTokenRequest {
    token: string;
    revocationId: string;
  }

  /** `nakama.api.Rpc` */
  interface ApiRpc {
    id: string;
    payload: string;
    httpKey: string;
  }

  /** `nakama.api.Session` */
  interface ApiSession {
    created: boolean;
    token: string;
    refreshToken: string;
  }

  /** `nakama.api.SessionLogoutRequest` */
  interface ApiSessionLogoutRequest {
    token: string;
    refreshToken: string;
  }

  /** `nakama.api.SessionRefreshRequest` */
  interface ApiSessionRefreshRequest {
    token: string;
    vars: { [key: string]: string };
  }

  /** `nakama.api.StorageObject` */
  interface ApiStorageObject {
    collection: string;
    key: string;
    userId: string;
    value: string;
    version: string;
    permissionRead: number;
    permissionWrite: number;
    createTime: string | null;
    updateTime: string | null;
  }

  /** `nakama.api.StorageObjectAck` */
  interface ApiStorageObjectAck {
    collection: string;
    key: string;
    version: string;
    userId: string;
    createTime: string | null;
    updateTime: string | null;
  }

  /** `nakama.api.StorageObjectAcks` */
  interface ApiStorageObjectAcks {
    acks: ApiStorageObjectAck[];
  }

  /** `nakama.api.StorageObjectList` */
  interface ApiStorageObjectList {
    objects: ApiStorageObject[];
    cursor: string;
  }

  /** `nakama.api.StorageObjects` */
  interface ApiStorageObjects {
    objects: ApiStorageObject[];
  }

  /** `nakama.api.SubscriptionList` */
  interface ApiSubscriptionList {
    validatedSubscriptions: ApiValidatedSubscription[];
    cursor: string;
    prevCursor: string;
  }

  /** `nakama.api.TokenRequirement` */
  interface ApiTokenRequirement {
    name: string;
    values: string[];
    publicKey: string;
  }

  /** `nakama.api.Tournament` */
  interface ApiTournament {
    id: string;
    title: string;
    description: string;
    category: number;
    sortOrder: number;
    size: number;
    maxSize: number;
    maxNumScore: number;
    canEnter: boolean;
    endActive: number;
    nextReset: number;
    metadata: string;
    createTime: string | null;
    startTime: string | null;
    endTime: string | null;
    duration: number;
    startActive: number;
    prevReset: number;
    operator: number;
    authoritative: boolean;
    joinRequired: boolean;
  }

  /** `nakama.api.TournamentList` */
  interface ApiTournamentList {
    tournaments: ApiTournament[];
    cursor: string;
  }

  /** `nakama.api.TournamentRecordList` */
  interface ApiTournamentRecordList {
    records: ApiLeaderboardRecord[];
    ownerRecords: ApiLeaderboardRecord[];
    nextCursor: string;
    prevCursor: string;
    rankCount: string;
  }

  /** `nakama.api.UpdateAccountRequest` */
  interface ApiUpdateAccountRequest {
    username: string | null;
    displayName: string | null;
    avatarUrl: string | null;
    langTag: string | null;
    location: string | null;
    timezone: string | null;
  }

  /** `nakama.api.UpdateGroupRequest` */
  interface ApiUpdateGroupRequest {
    groupId: string;
    name: string | null;
    description: string | null;
    langTag: string | null;
    avatarUrl: string | null;
    open: boolean | null;
  }

  /** `nakama.api.User` */
  interface ApiUser {
    id: string;
    username: string;
    displayName: string;
    avatarUrl: string;
    langTag: string;
    location: string;
    timezone: string;
    metadata: string;
    facebookId: string;
    googleId: string;
    gamecenterId: string;
    steamId: string;
    online: boolean;
    edgeCount: number;
    createTime: string | null;
    updateTime: string | null;
    facebookInstantGameId: string;
    appleId: string;
  }

  /** `nakama.api.UserGroupList` */
  interface ApiUserGroupList {
    userGroups: ApiUserGroupListUserGroup[];
    cursor: string;
  }

  /** `nakama.api.UserGroupList.UserGroup` */
  interface ApiUserGroupListUserGroup {
    group: ApiGroup | null;
    state: number | null;
  }

  /** `nakama.api.Users` */
  interface ApiUsers {
    users: ApiUser[];
  }

  /** `nakama.api.ValidatePurchaseAppleRequest` */
  interface ApiValidatePurchaseAppleRequest {
    receipt: string;
    persist: boolean | null;
  }

  /** `nakama.api.ValidatePurchaseFacebookInstantRequest` */
  interface ApiValidatePurchaseFacebookInstantRequest {
    signedRequest: string;
    persist: boolean | null;
  }

  /** `nakama.api.ValidatePurchaseGoogleRequest` */
  interface ApiValidatePurchaseGoogleRequest {
    purchase: string;
    persist: boolean | null;
  }

  /** `nakama.api.ValidatePurchaseHuaweiRequest` */
  interface ApiValidatePurchaseHuaweiRequest {
    purchase: string;
    signature: string;
    persist: boolean | null;
  }

  /** `nakama.api.ValidatePurchaseResponse` */
  interface ApiValidatePurchaseResponse {
    validatedPurchases: ApiValidatedPurchase[];
  }

  /** `nakama.api.ValidatePurchaseSamsungRequest` */
  interface ApiValidatePurchaseSamsungRequest {
    purchaseId: string;
    persist: boolean | null;
  }

  /** `nakama.api.ValidateSubscriptionAppleRequest` */
  interface ApiValidateSubscriptionAppleRequest {
    receipt: string;
    persist: boolean | null;
  }

  /** `nakama.api.ValidateSubscriptionGoogleRequest` */
  interface ApiValidateSubscriptionGoogleRequest {
    receipt: string;
    persist: boolean | null;
  }

  /** `nakama.api.ValidateSubscriptionResponse` */
  interface ApiValidateSubscriptionResponse {
    validatedSubscription: ApiValidatedSubscription | null;
  }

  /** `nakama.api.ValidatedPurchase` */
  interface ApiValidatedPurchase {
    userId: string;
    productId: string;
    transactionId: string;
    store: number;
    purchaseTime: string | null;
    createTime: string | null;
    updateTime: string | null;
    refundTime: string | null;
    providerResponse: string;
    environment: number;
    seenBefore: boolean;
  }

  /** `nakama.api.ValidatedSubscription` */
  interface ApiValidatedSubscription {
    userId: string;
    productId: string;
    originalTransactionId: string;
    store: number;
    purchaseTime: string | null;
    createTime: string | null;
    updateTime: string | null;
    environment: number;
    expiryTime: string | null;
    refundTime: string | null;
    providerResponse: string;
    providerNotification: string;
    active: boolean;
  }

  /** `nakama.api.WriteLeaderboardRecordRequest` */
  interface ApiWriteLeaderboardRecordRequest {
    leaderboardId: string;
    record: ApiWriteLeaderboardRecordRequestLeaderboardRecordWrite | null;
  }

  /** `nakama.api.WriteLeaderboardRecordRequest.LeaderboardRecordWrite` */
  interface ApiWriteLeaderboardRecordRequestLeaderboardRecordWrite {
    score: string;
    subscore: string;
    metadata: string;
    operator: number;
  }

  /** `nakama.api.WriteStorageObject` */
  interface ApiWriteStorageObject {
    collection: string;
    key: string;
    value: string;
    version: string;
    permissionRead: number | null;
    permissionWrite: number | null;
  }

  /** `nakama.api.WriteStorageObjectsRequest` */
  interface ApiWriteStorageObjectsRequest {
    objects: ApiWriteStorageObject[];
  }

  /** `nakama.api.WriteTournamentRecordRequest` */
  interface ApiWriteTournamentRecordRequest {
    tournamentId: string;
    record: ApiWriteTournamentRecordRequestTournamentRecordWrite | null;
  }

  /** `nakama.api.WriteTournamentRecordRequest.TournamentRecordWrite` */
  interface ApiWriteTournamentRecordRequestTournamentRecordWrite {
    score: string;
    subscore: string;
    metadata: string;
    operator: number;
  }

  /** `nakama.realtime.Channel` */
  interface RtChannel {
    id: string;
    presences: RtUserPresence[];
    self: RtUserPresence | null;
    roomName: string;
    groupId: string;
    userIdOne: string;
    userIdTwo: string;
  }

  /** `nakama.realtime.ChannelJoin` */
  interface RtChannelJoin {
    target: string;
    type: number;
    persistence: boolean | null;
    hidden: boolean | null;
  }

  /** `nakama.realtime.ChannelLeave` */
  interface RtChannelLeave {
    channelId: string;
  }

  /** `nakama.realtime.ChannelMessageAck` */
  interface RtChannelMessageAck {
    channelId: string;
    messageId: string;
    code: number | null;
    username: string;
    createTime: string | null;
    updateTime: string | null;
    persistent: boolean | null;
    roomName: string;
    groupId: string;
    userIdOne: string;
    userIdTwo: string;
  }

  /** `nakama.realtime.ChannelMessageRemove` */
  interface RtChannelMessageRemove {
    channelId: string;
    messageId: string;
  }

  /** `nakama.realtime.ChannelMessageSend` */
  interface RtChannelMessageSend {
    channelId: string;
    content: string;
  }

  /** `nakama.realtime.ChannelMessageUpdate` */
  interface RtChannelMessageUpdate {
    channelId: string;
    messageId: string;
    content: string;
  }

  /** `nakama.realtime.ChannelPresenceEvent` */
  interface RtChannelPresenceEvent {
    channelId: string;
    joins: RtUserPresence[];
    leaves: RtUserPresence[];
    roomName: string;
    groupId: string;
    userIdOne: string;
    userIdTwo: string;
  }

  /** `nakama.realtime.Envelope` */
  interface RtEnvelope {
    cid: string;
    channel?: RtChannel;
    channelJoin?: RtChannelJoin;
    channelLeave?: RtChannelLeave;
    channelMessage?: ApiChannelMessage;
    channelMessageAck?: RtChannelMessageAck;
    channelMessageSend?: RtChannelMessageSend;
    channelMessageUpdate?: RtChannelMessageUpdate;
    channelMessageRemove?: RtChannelMessageRemove;
    channelPresenceEvent?: RtChannelPresenceEvent;
    error?: RtError;
    match?: RtMatch;
    matchCreate?: RtMatchCreate;
    matchData?: RtMatchData;
    matchDataSend?: RtMatchDataSend;
    matchJoin?: RtMatchJoin;
    matchLeave?: RtMatchLeave;
    matchPresenceEvent?: RtMatchPresenceEvent;
    matchmakerAdd?: RtMatchmakerAdd;
    matchmakerMatched?: RtMatchmakerMatched;
    matchmakerRemove?: RtMatchmakerRemove;
    matchmakerTicket?: RtMatchmakerTicket;
    notifications?: RtNotifications;
    rpc?: ApiRpc;
    status?: RtStatus;
    statusFollow?: RtStatusFollow;
    statusPresenceEvent?: RtStatusPresenceEvent;
    statusUnfollow?: RtStatusUnfollow;
    statusUpdate?: RtStatusUpdate;
    streamData?: RtStreamData;
    streamPresenceEvent?: RtStreamPresenceEvent;
    ping?: {};
    pong?: {};
    party?: RtParty;
    partyCreate?: RtPartyCreate;
    partyJoin?: RtPartyJoin;
    partyLeave?: RtPartyLeave;
    partyPromote?: RtPartyPromote;
    partyLeader?: RtPartyLeader;
    partyAccept?: RtPartyAccept;
    partyRemove?: RtPartyRemove;
    partyClose?: RtPartyClose;
    partyJoinRequestList?: RtPartyJoinRequestList;
    partyJoinRequest?: RtPartyJoinRequest;
    partyMatchmakerAdd?: RtPartyMatchmakerAdd;
    partyMatchmakerRemove?: RtPartyMatchmakerRemove;
    partyMatchmakerTicket?: RtPartyMatchmakerTicket;
    partyData?: RtPartyData;
    partyDataSend?: RtPartyDataSend;
    partyPresenceEvent?: RtPartyPresenceEvent;
    partyUpdate?: RtPartyUpdate;
  }

  /** `nakama.realtime.Error` */
  interface RtError {
    code: number;
    message: string;
    context: { [key: string]: string };
  }

  /** `nakama.realtime.Match` */
  interface RtMatch {
    matchId: string;
    authoritative: boolean;
    label: string | null;
    size: number;
    presences: RtUserPresence[];
    self: RtUserPresence | null;
  }

  /** `nakama.realtime.MatchCreate` */
  interface RtMatchCreate {
    name: string;
  }

  /** `nakama.realtime.MatchData` */
  interface RtMatchData {
    matchId: string;
    presence: RtUserPresence | null;
    opCode: string;
    data: string;
    reliable: boolean;
  }

  /** `nakama.realtime.MatchDataSend` */
  interface RtMatchDataSend {
    matchId: string;
    opCode: string;
    data: string;
    presences: RtUserPresence[];
    reliable: boolean;
  }

  /** `nakama.realtime.MatchJoin` */
  interface RtMatchJoin {
    matchId?: string;
    token?: string;
    metadata: { [key: string]: string };
  }

  /** `nakama.realtime.MatchLeave` */
  interface RtMatchLeave {
    matchId: string;
  }

  /** `nakama.realtime.MatchPresenceEvent` */
  interface RtMatchPresenceEvent {
    matchId: string;
    joins: RtUserPresence[];
    leaves: RtUserPresence[];
  }

  /** `nakama.realtime.MatchmakerAdd` */
  interface RtMatchmakerAdd {
    minCount: number;
    maxCount: number;
    query: string;
    stringProperties: { [key: string]: string };
    numericProperties: { [key: string]: number };
    countMultiple: number | null;
  }

  /** `nakama.realtime.MatchmakerMatched` */
  interface RtMatchmakerMatched {
    ticket: string;
    matchId?: string;
    token?: string;
    users: RtMatchmakerMatchedMatchmakerUser[];
    self: RtMatchmakerMatchedMatchmakerUser | null;
  }

  /** `nakama.realtime.MatchmakerMatched.MatchmakerUser` */
  interface RtMatchmakerMatchedMatchmakerUser {
    presence: RtUserPresence | null;
    partyId: string;
    stringProperties: { [key: string]: string };
    numericProperties: { [key: string]: number };
  }

  /** `nakama.realtime.MatchmakerRemove` */
  interface RtMatchmakerRemove {
    ticket: string;
  }

  /** `nakama.realtime.MatchmakerTicket` */
  interface RtMatchmakerTicket {
    ticket: string;
  }

  /** `nakama.realtime.Notifications` */
  interface RtNotifications {
    notifications: ApiNotification[];
  }

  /** `nakama.realtime.Party` */
  interface RtParty {
    partyId: string;
    open: boolean;
    hidden: boolean;
    maxSize: number;
    self: RtUserPresence | null;
    leader: RtUserPresence | null;
    presences: RtUserPresence[];
    label: string;
  }

  /** `nakama.realtime.PartyAccept` */
  interface RtPartyAccept {
    partyId: string;
    presence: RtUserPresence | null;
  }

  /** `nakama.realtime.PartyClose` */
  interface RtPartyClose {
    partyId: string;
  }

  /** `nakama.realtime.PartyCreate` */
  interface RtPartyCreate {
    open: boolean;
    maxSize: number;
    label: string;
    hidden: boolean;
  }

  /** `nakama.realtime.PartyData` */
  interface RtPartyData {
    partyId: string;
    presence: RtUserPresence | null;
    opCode: string;
    data: string;
  }

  /** `nakama.realtime.PartyDataSend` */
  interface RtPartyDataSend {
    partyId: string;
    opCode: string;
    data: string;
  }

  /** `nakama.realtime.PartyJoin` */
  interface RtPartyJoin {
    partyId: string;
  }

  /** `nakama.realtime.PartyJoinRequest` */
  interface RtPartyJoinRequest {
    partyId: string;
    presences: RtUserPresence[];
  }

  /** `nakama.realtime.PartyJoinRequestList` */
  interface RtPartyJoinRequestList {
    partyId: string;
  }

  /** `nakama.realtime.PartyLeader` */
  interface RtPartyLeader {
    partyId: string;
    presence: RtUserPresence | null;
  }

  /** `nakama.realtime.PartyLeave` */
  interface RtPartyLeave {
    partyId: string;
  }

  /** `nakama.realtime.PartyMatchmakerAdd` */
  interface RtPartyMatchmakerAdd {
    partyId: string;
    minCount: number;
    maxCount: number;
    query: string;
    stringProperties: { [key: string]: string };
    numericProperties: { [key: string]: number };
    countMultiple: number | null;
  }

  /** `nakama.realtime.PartyMatchmakerRemove` */
  interface RtPartyMatchmakerRemove {
    partyId: string;
    ticket: string;
  }

  /** `nakama.realtime.PartyMatchmakerTicket` */
  interface RtPartyMatchmakerTicket {
    partyId: string;
    ticket: string;
  }

  /** `nakama.realtime.PartyPresenceEvent` */
  interface RtPartyPresenceEvent {
    partyId: string;
    joins: RtUserPresence[];
    leaves: RtUserPresence[];
  }

  /** `nakama.realtime.PartyPromote` */
  interface RtPartyPromote {
    partyId: string;
    presence: RtUserPresence | null;
  }

  /** `nakama.realtime.PartyRemove` */
  interface RtPartyRemove {
    partyId: string;
    presence: RtUserPresence | null;
  }

  /** `nakama.realtime.PartyUpdate` */
  interface RtPartyUpdate {
    partyId: string;
    label: string;
    open: boolean;
    hidden: boolean;
  }

  /** `nakama.realtime.Status` */
  interface RtStatus {
    presences: RtUserPresence[];
  }

  /** `nakama.realtime.StatusFollow` */
  interface RtStatusFollow {
    userIds: string[];
    usernames: string[];
  }

  /** `nakama.realtime.StatusPresenceEvent` */
  interface RtStatusPresenceEvent {
    joins: RtUserPresence[];
    leaves: RtUserPresence[];
  }

  /** `nakama.realtime.StatusUnfollow` */
  interface RtStatusUnfollow {
    userIds: string[];
  }

  /** `nakama.realtime.StatusUpdate` */
  interface RtStatusUpdate {
    status: string | null;
  }

  /** `nakama.realtime.Stream` */
  interface RtStream {
    mode: number;
    subject: string;
    subcontext: string;
    label: string;
  }

  /** `nakama.realtime.StreamData` */
  interface RtStreamData {
    stream: RtStream | null;
    sender: RtUserPresence | null;
    data: string;
    reliable: boolean;
  }

  /** `nakama.realtime.StreamPresenceEvent` */
  interface RtStreamPresenceEvent {
    stream: RtStream | null;
    joins: RtUserPresence[];
    leaves: RtUserPresence[];
  }

  /** `nakama.realtime.UserPresence` */
  interface RtUserPresence {
    userId: string;
    sessionId: string;
    username: string;
    persistence: boolean;
    status: string | null;
  }
}
