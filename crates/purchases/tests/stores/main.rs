//! Stores, played by a server of the tests on the loopback interface.

#[cfg(test)]
mod apple;
#[cfg(test)]
mod google;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod stand_in;
