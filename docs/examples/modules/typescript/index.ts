// A module of several files: the folder is `runtime.path`, this file is where the server begins.
import { boardPage } from "./board_page";
import { dailyReward } from "./daily_reward";
import { duel } from "./duel";
import { arena } from "./arena";
import { prizes } from "./tournament_prizes";

export const InitModule: nkruntime.InitModule = (ctx, logger, nk, initializer) => {
  initializer.registerRpc("daily_reward", dailyReward);
  initializer.registerMatch("duel", duel);
  initializer.registerMatch("arena", arena);
  initializer.registerTournamentEnd(prizes);
  initializer.registerHttp("/boards/{board}/top", boardPage, "GET");
  logger.info("ready in %s", ctx.node);
};
