// A match at 20 loops a second: players send where they steer, everybody gets one message a tick
// with all positions, which may be dropped on a slow connection.
enum Op {
  Steer = 1,
  Positions = 2,
}

interface Ship {
  x: number;
  y: number;
  dx: number;
  dy: number;
}

interface State {
  ships: { [sessionId: string]: Ship };
  empty: number;
}

const TICKS = 20;
const SPEED = 5 / TICKS;
const SIZE = 100;

const within = (n: number): number => Math.min(Math.max(n, 0), SIZE);
const unit = (n: unknown): number => Math.min(Math.max(Number(n) || 0, -1), 1);

export const arena: nkruntime.MatchHandler<State> = {
  matchInit: (ctx, logger, nk, params) => ({
    state: { ships: {}, empty: 0 },
    tickRate: TICKS,
    label: JSON.stringify({ game: "arena", map: params.map ?? "plain" }),
  }),

  matchJoinAttempt: (ctx, logger, nk, dispatcher, tick, state) => ({
    state,
    accept: Object.keys(state.ships).length < 200,
    rejectMessage: "the arena is full",
  }),

  matchJoin: (ctx, logger, nk, dispatcher, tick, state, presences) => {
    for (const { sessionId } of presences) {
      state.ships[sessionId] = { x: SIZE / 2, y: SIZE / 2, dx: 0, dy: 0 };
    }
    return { state };
  },

  matchLeave: (ctx, logger, nk, dispatcher, tick, state, presences) => {
    for (const { sessionId } of presences) delete state.ships[sessionId];
    return { state };
  },

  matchLoop: (ctx, logger, nk, dispatcher, tick, state, messages) => {
    for (const { sender, opCode, data } of messages) {
      const ship = state.ships[sender.sessionId];
      if (!ship || opCode !== Op.Steer) continue;
      try {
        const steer = JSON.parse(nk.binaryToString(data));
        ship.dx = unit(steer.dx);
        ship.dy = unit(steer.dy);
      } catch {
        // What a client makes up is no reason to end everybody's match.
      }
    }
    const all = Object.entries(state.ships);
    state.empty = all.length === 0 ? state.empty + 1 : 0;
    if (state.empty > 30 * TICKS) return null;
    const positions: { [sessionId: string]: [number, number] } = {};
    for (const [sessionId, ship] of all) {
      ship.x = within(ship.x + ship.dx * SPEED);
      ship.y = within(ship.y + ship.dy * SPEED);
      positions[sessionId] = [ship.x, ship.y];
    }
    if (all.length > 0) {
      const text = JSON.stringify({ tick, positions });
      dispatcher.broadcastMessage(Op.Positions, text, null, null, false);
    }
    return { state };
  },

  matchTerminate: (ctx, logger, nk, dispatcher, tick, state) => ({ state }),
  matchSignal: (ctx, logger, nk, dispatcher, tick, state) => ({
    state,
    data: String(Object.keys(state.ships).length),
  }),
};
