//! Stores, played by a server of the tests on the loopback interface.

#[cfg(test)]
mod apple;
#[cfg(test)]
mod facebook;
#[cfg(test)]
mod google;
#[cfg(test)]
mod huawei;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod samsung;
#[cfg(test)]
mod stand_in;
