import UnixSignals

/// Turns SIGINT and SIGTERM into an interruption that still writes its report.
enum SignalWatch {
    static let watch: SessionWatch = { yield in
        for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
            yield(.signal(signal == .sigterm ? 15 : 2))
        }
    }
}
