//! The elapsed time of each way to peel off. `instructions.rs` has the measurements of
//! sockets with many associations or messages, and of kernels before 4.13.

use std::time::Duration;

use common::support::{FAMILIES, associate, client, server, socket};
use common::variants::{WAYS, accept};
use criterion::BatchSize::NumIterations;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rustix::net::{SocketType, listen};

/// The number of associations that are open at once. It is far below the usual limit of 1,024
/// descriptors. The setup of a batch is not timed.
const BATCH: BatchSize = NumIterations(200);

fn ways(criterion: &mut Criterion) {
    for family in FAMILIES {
        let mut group = criterion.benchmark_group(format!("one peel-off, {family:?}"));
        group.throughput(Throughput::Elements(1));
        for (name, way, _) in WAYS {
            group.bench_function(name, |bencher| {
                let server = server(family);
                let set_up = || associate(family, &server);
                bencher.iter_batched_ref(set_up, |(_, id)| way(&server, *id), BATCH);
            });
        }
        group.bench_function("accept4", |bencher| {
            let listener = socket(family, SocketType::STREAM);
            listen(&listener, 1024).expect("listen");
            let set_up = || client(family, &listener);
            bencher.iter_batched_ref(set_up, |_| accept(&listener), BATCH);
        });
        group.finish();
    }
}

/// Short times, because they do not include the setup of the associations, which takes
/// longer.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(10))
        .measurement_time(Duration::from_millis(50))
}

criterion_group! {
    name = benches;
    config = short();
    targets = ways
}
criterion_main!(benches);
