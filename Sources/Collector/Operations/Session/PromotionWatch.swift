import Ledger
import Logging
import Verdict

/// Reads the ledger's promotions of the service again and again, for one that comes after ours.
enum PromotionWatch {
    private static let interval = Duration.seconds(1)

    static func watch(_ ledger: Ledger, service: String, known: [Promotion], logger: Logger) -> SessionWatch {
        { yield in
            var last = known
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: interval)
                    let promotions = try await ledger.promotions(service: service)
                    if promotions != last { yield(.promotions(promotions)) }
                    last = promotions
                } catch is CancellationError {
                    return
                } catch {
                    // A ledger that is busy or broken now proves nothing about newer promotions; the recorder reports
                    // what is wrong with it, and the next look may succeed.
                    logger.warning("The ledger cannot be read", metadata: ["reason": "\(error)"])
                }
            }
        }
    }
}
