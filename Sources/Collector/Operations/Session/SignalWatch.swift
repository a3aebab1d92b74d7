import CollectorSupport
import UnixSignals

/// Turns a signal that ends the run into an interruption that still writes its report.
enum SignalWatch {
    /// - Parameter signals: caught before the work began.
    static func watch(_ signals: UnixSignalsSequence) -> SessionWatch {
        { yield in
            for await signal in signals { yield(.signal(signal.endingNumber)) }
        }
    }
}
