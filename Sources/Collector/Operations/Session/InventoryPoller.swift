import Inventory
import Logging

/// Reads the inventory's source again when it changes, for hosts that it lists no more.
enum InventoryPoller {
    private static let interval = Duration.seconds(1)

    static func watch(_ inventory: Inventory, logger: Logger) -> SessionWatch {
        { yield in
            var watch = inventory.watch
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: interval)
                    if let names = try watch.listedNames() { yield(.listed(names)) }
                } catch is CancellationError {
                    return
                } catch {
                    // A source that cannot be read just now says nothing about its hosts.
                    logger.warning("The inventory cannot be read again", metadata: ["reason": "\(error)"])
                }
            }
        }
    }
}
