import Glibc
package import UnixSignals

/// The signals that end a run early, and let it write its report first: SIGINT, SIGTERM and SIGHUP.
package enum EndingSignals {
    /// Catches them from here on; whoever reads the sequence learns of those that came before.
    ///
    /// A SIGHUP that whoever started the program has it ignore (`nohup`) stays ignored.
    package static func caught() async -> UnixSignalsSequence {
        isHangupIgnored
            ? await UnixSignalsSequence(trapping: .sigint, .sigterm)
            : await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    }

    private static var isHangupIgnored: Bool {
        var action = sigaction()
        guard sigaction(SIGHUP, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}

extension UnixSignal {
    /// The signal's number, of those that end a run.
    package var endingNumber: Int32 {
        switch self {
        case .sigterm: SIGTERM
        case .sighup: SIGHUP
        default: SIGINT
        }
    }
}
