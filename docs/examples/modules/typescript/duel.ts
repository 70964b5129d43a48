// Noughts and crosses: a match by turns. Nothing happens between messages, so one loop a second
// would do; five answer faster.
enum Op {
  Start = 1,
  Move = 2,
  Refused = 3,
  Over = 4,
}

interface State {
  players: nkruntime.Presence[];
  board: (string | null)[];
  turn: number;
  idle: number;
}

const TICKS = 5;
const PATIENCE = 60 * TICKS;
const LINES = [
  [0, 1, 2], [3, 4, 5], [6, 7, 8],
  [0, 3, 6], [1, 4, 7], [2, 5, 8],
  [0, 4, 8], [2, 4, 6],
];

function winner(board: (string | null)[]): string | null {
  for (const [a, b, c] of LINES) {
    if (board[a] && board[a] === board[b] && board[a] === board[c]) return board[a];
  }
  return null;
}

const label = (open: boolean): string => JSON.stringify({ game: "duel", open });

export const duel: nkruntime.MatchHandler<State> = {
  matchInit: () => ({
    state: { players: [], board: Array(9).fill(null), turn: 0, idle: 0 },
    tickRate: TICKS,
    label: label(true),
  }),

  matchJoinAttempt: (ctx, logger, nk, dispatcher, tick, state) =>
    state.players.length < 2
      ? { state, accept: true }
      : { state, accept: false, rejectMessage: "two are playing already" },

  matchJoin: (ctx, logger, nk, dispatcher, tick, state, presences) => {
    state.players.push(...presences);
    if (state.players.length === 2) {
      dispatcher.matchLabelUpdate(label(false));
      dispatcher.broadcastMessage(Op.Start, JSON.stringify({ first: state.players[0].userId }));
    }
    return { state };
  },

  // Who leaves has lost; the match is over.
  matchLeave: (ctx, logger, nk, dispatcher, tick, state, presences) => {
    const gone = new Set(presences.map((presence) => presence.sessionId));
    const left = state.players.find((player) => !gone.has(player.sessionId));
    if (left) dispatcher.broadcastMessage(Op.Over, JSON.stringify({ winner: left.userId }));
    return null;
  },

  matchLoop: (ctx, logger, nk, dispatcher, tick, state, messages) => {
    state.idle = messages.length > 0 ? 0 : state.idle + 1;
    if (state.idle > PATIENCE) return null;
    for (const message of messages) {
      const player = state.players[state.turn];
      const cell = message.opCode === Op.Move ? Number(nk.binaryToString(message.data)) : NaN;
      const allowed =
        state.players.length === 2 &&
        message.sender.sessionId === player.sessionId &&
        state.board[cell] === null;
      if (!allowed) {
        dispatcher.broadcastMessage(Op.Refused, null, [message.sender]);
        continue;
      }
      state.board[cell] = player.userId;
      state.turn = 1 - state.turn;
      dispatcher.broadcastMessage(Op.Move, JSON.stringify({ board: state.board }));
      const won = winner(state.board);
      if (won || state.board.every((c) => c !== null)) {
        dispatcher.broadcastMessage(Op.Over, JSON.stringify({ winner: won }));
        return null;
      }
    }
    return { state };
  },

  matchTerminate: (ctx, logger, nk, dispatcher, tick, state) => ({ state }),
  matchSignal: (ctx, logger, nk, dispatcher, tick, state) => ({
    state,
    data: JSON.stringify({ board: state.board }),
  }),
};
