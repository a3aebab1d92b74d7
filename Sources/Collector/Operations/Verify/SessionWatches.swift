import CollectorSupport
import Inventory
import Ledger
import Logging
import UnixSignals
import Verdict

/// A source of events besides the hosts' answers. It runs until its task is cancelled.
package struct SessionWatch: Sendable {
    typealias Yield = @Sendable (SessionEvent) -> Void

    let run: @Sendable (_ yield: Yield) async -> Void

    private static let interval = Duration.seconds(1)

    /// Turns a signal that ends the run into an interruption that still writes its report.
    ///
    /// - Parameter signals: trapped before the work began.
    static func signals(_ signals: RunSignals) -> SessionWatch {
        SessionWatch { yield in
            for await signal in signals.stream { yield(.signal(signal.endingNumber)) }
        }
    }

    /// Reads the ledger's promotions of the service again and again, to find one that follows the target's.
    static func promotions(
        of service: DeployedService, in ledger: Ledger, known: [Promotion], logger: Logger
    ) -> SessionWatch {
        SessionWatch { yield in
            var last = known
            await repeatedly {
                let promotions = try await ledger.promotions(of: service)
                if promotions != last { yield(.promotions(promotions)) }
                last = promotions
            } failed: {
                // A ledger that is busy or broken now proves nothing about newer promotions. The recorder reports what is
                // wrong with it, and the next read may succeed.
                logger.warning("Could not read the ledger", metadata: ["reason": "\($0)"])
            }
        }
    }

    /// Reads the inventory's source again when it changes, to find hosts that it no longer lists.
    static func inventory(_ inventory: Inventory, logger: Logger) -> SessionWatch {
        SessionWatch { yield in
            var watch = inventory.watch
            await repeatedly {
                if let names = try await watch.listedNames() { yield(.listed(names)) }
            } failed: {
                // A source that is unreadable now proves nothing about its hosts.
                logger.warning("Could not reread the inventory", metadata: ["reason": "\($0)"])
            }
        }
    }

    private static func repeatedly(
        _ work: () async throws -> Void, failed: (any Error) -> Void
    ) async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: interval)
                try await work()
            } catch is CancellationError {
                return
            } catch {
                failed(error)
            }
        }
    }
}
