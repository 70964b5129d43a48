//! Wire types of the public client and realtime protocol, their JSON mapping and the REST route table
