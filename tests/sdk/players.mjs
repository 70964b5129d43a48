// Players for the tests: a signed-in client and socket each, and events that can be awaited.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";

import { Client } from "@heroiclabs/nakama-js";
import WebSocket from "ws";

globalThis.WebSocket = WebSocket;

const { WebSocketAdapterPb } = createRequire(import.meta.url)("@heroiclabs/nakama-js-protobuf");

const port = process.env.TAVERN_PORT ?? "7350";
const serverKey = process.env.TAVERN_SERVER_KEY ?? "defaultkey";

/** How long an awaited event may take, in milliseconds. */
const PATIENCE = 10_000;

export const unique = (what) => `${what}-${randomUUID()}`;

/** A word of the query language that nobody else uses. */
export const word = (what) => unique(what).replaceAll("-", "");

export const id = (player) => player.session.user_id;

/** The ids of those in a list of presences, in order. */
export const ids = (presences) => (presences ?? []).map((presence) => presence.user_id).sort();

/** The bytes of a message as a text. */
export const text = (data) => new TextDecoder().decode(data);

export const newClient = () => new Client(serverKey, "127.0.0.1", port, false);

/** A player who has signed in with a custom id of their own. */
export async function signIn(name) {
  const client = newClient();
  const session = await client.authenticateCustom(unique(name), true, unique(name));
  return { client, session };
}

/**
 * A player with an open socket. `format` is "json" or "protobuf"; the user name says it, too: by that
 * the server's side of the tests knows in which formats a message was sent.
 */
export async function connect(name, { format = "json", online = false } = {}) {
  const player = await signIn(`${name}-${format}`);
  const adapter = format === "protobuf" ? new WebSocketAdapterPb() : undefined;
  const socket = player.client.createSocket(false, false, adapter);
  const events = new Events(socket);
  await socket.connect(player.session, online);
  return { ...player, socket, events, close: () => socket.disconnect(false) };
}

/** Everything a socket is told, kept until somebody asks for it. */
class Events {
  #waiting = [];
  #kept = [];

  constructor(socket) {
    for (const kind of [
      "ondisconnect", "onnotification", "onmatchdata", "onmatchpresence", "onstatuspresence",
      "onchannelmessage", "onchannelpresence", "onstreamdata", "onstreampresence",
      "onmatchmakermatched", "onparty", "onpartyclose", "onpartydata", "onpartyjoinrequest",
      "onpartyleader", "onpartymatchmakerticket", "onpartypresence",
      "onparty", "onpartypresence", "onmatchmakermatched",
    ]) {
      socket[kind] = (event) => this.#arrived({ kind, event });
    }
  }

  #arrived(entry) {
    const index = this.#waiting.findIndex((wanted) => wanted.fits(entry));
    if (index < 0) this.#kept.push(entry);
    else this.#waiting.splice(index, 1)[0].resolve(entry.event);
  }

  /** The next event of this kind that fits, whether it has come already or not. */
  next(kind, fits = () => true) {
    const wanted = (entry) => entry.kind === kind && fits(entry.event);
    const index = this.#kept.findIndex(wanted);
    if (index >= 0) return Promise.resolve(this.#kept.splice(index, 1)[0].event);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${kind} within ${PATIENCE} ms`)), PATIENCE);
      this.#waiting.push({
        fits: wanted,
        resolve: (event) => {
          clearTimeout(timer);
          resolve(event);
        },
      });
    });
  }

  /** Events of this kind that nobody has asked for yet. */
  left(kind) {
    return this.#kept.filter((entry) => entry.kind === kind).map((entry) => entry.event);
  }
}

/** The status of a call that must fail. */
export async function refused(call) {
  try {
    await call;
  } catch (error) {
    if (typeof error.status === "number") return error.status;
    if (typeof error.code === "number") return { code: error.code };
    throw error;
  }
  throw new Error("the call should have been refused");
}
