//! Every provider, against stand-ins that speak its protocol.

#[cfg(test)]
mod game_center;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod tickets;
#[cfg(test)]
mod tokens;
