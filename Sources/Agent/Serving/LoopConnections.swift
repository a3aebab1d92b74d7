import NIOCore

/// What the connections of one event loop share. Confined to the loop.
struct LoopConnections {
    let deadlines: DeadlineWheel
    let held: HeldRequests
    let peers = WaitingPeers()

    init(loop: any EventLoop, metrics: Metrics) {
        deadlines = DeadlineWheel(loop: loop)
        held = HeldRequests(loop: loop, metrics: metrics)
    }
}
