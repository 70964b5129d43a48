//! Sessions fed with rubbish: whatever comes, they end, once, and nothing panics or stays.

use proptest::prelude::*;
use tavern_api::Class;
use tavern_protocol::Format;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::tests::Bench;
use crate::Config;

/// Bytes that are almost frames: headers with odd bits, lengths that lie, payloads that are almost
/// messages.
fn almost_frames() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        Just(br#"{"cid":"1","ping":{}}"#.to_vec()),
        Just(br#"{"cid":"1","rpc":{"id":"","payload":"x"}}"#.to_vec()),
        Just(b"{}".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let frame = (any::<u8>(), prop::bool::ANY, any::<[u8; 4]>(), payload, 0_u8..10).prop_map(
        |(first, masked, mask, payload, lie)| {
            let honest = u8::try_from(payload.len()).unwrap_or(125);
            let length = if lie == 0 { honest.wrapping_mul(3) & 0x7f } else { honest & 0x7f };
            let first = if lie < 5 { 0x81 } else { first };
            let mut bytes = vec![first, length | if masked || lie > 0 { 0x80 } else { 0 }];
            bytes.extend(mask);
            bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
            bytes
        },
    );
    prop::collection::vec(frame, 0..12).prop_map(|frames| frames.concat())
}

fn feed(bytes: &[u8], room: usize, format: Format, pushes: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (bench, client) = Bench::with_room(room, format, &Config::default());
        (0..pushes).for_each(|n| bench.push(n, Class::Reliable));
        let (mut reads, mut writes) = tokio::io::split(client);
        let life = bench.life.clone();
        let bytes = bytes.to_vec();
        let writing = life.spawn(async move {
            // It fails when the session has ended before.
            drop(writes.write_all(&bytes).await);
            drop(writes.shutdown().await);
        });
        let mut seen = Vec::new();
        drop(reads.read_to_end(&mut seen).await);
        drop(reads);
        drop(writing.await);
        bench.over().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn rubbish_ends_the_session_and_nothing_else(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        room in 1_usize..2000,
    ) {
        feed(&bytes, room, Format::Json, 0);
        feed(&bytes, room, Format::Binary, 0);
    }

    #[test]
    fn almost_frames_end_the_session_and_nothing_else(
        bytes in almost_frames(),
        room in 1_usize..2000,
        pushes in 0_usize..80,
    ) {
        feed(&bytes, room, Format::Json, pushes);
    }
}
