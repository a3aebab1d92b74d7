/// Reads the inventory's source again when it changes, for hosts that it lists no more.
enum InventoryWatch {
    private static let interval = Duration.seconds(1)

    /// nil where the source cannot be read twice, as standard input.
    static func watch(_ inventory: Inventory) -> SessionWatch? {
        guard inventory.canBeReread else { return nil }
        return { yield in
            var last = inventory.modificationStamp()
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: interval)
                } catch {
                    return
                }
                let stamp = inventory.modificationStamp()
                guard stamp != last else { continue }
                last = stamp
                // A source that cannot be read just now says nothing about its hosts.
                if let names = inventory.listedNames() { yield(.listed(names)) }
            }
        }
    }
}
