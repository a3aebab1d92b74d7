import NIOCore

/// What the connections of one event loop share. Confined to the loop.
struct LoopConnections {
    let deadlines: TimerWheel
    let held: LongPollRegistry
    /// Who is to ask, and who is to end a handshake: that takes far more memory.
    let asking = IdleConnections()
    let securing = IdleConnections()

    init(loop: any EventLoop, metrics: Metrics) {
        deadlines = TimerWheel(loop: loop)
        held = LongPollRegistry(loop: loop, metrics: metrics)
    }

    func peers(_ turn: ConnectionPhase.Turn) -> IdleConnections? {
        switch turn {
        case .handshake: securing
        case .request: asking
        case .none: nil
        }
    }

    /// Makes room for a new connection; false where all that there are have work under way.
    func giveUpOldest() -> Bool { asking.giveUpOldest() || securing.giveUpOldest() }
}
