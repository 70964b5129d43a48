//! The real server, as players and operators see it.
//!
//! Each test has a database of its own and boots a server on free ports, in this process or in one
//! of its own where it must be killed. Nothing sleeps: tests wait for a state, with a deadline.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod archives;
#[cfg(test)]
mod boards;
#[cfg(test)]
mod boot;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod delegation;
#[cfg(test)]
mod envelopes;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod http;
#[cfg(test)]
mod indexes;
#[cfg(test)]
mod interfaces;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod matchmaking;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod people;
#[cfg(test)]
mod program;
#[cfg(test)]
mod purchases;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod sdk;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod social;
#[cfg(test)]
mod socket;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod typescript;
#[cfg(test)]
mod utilities;
