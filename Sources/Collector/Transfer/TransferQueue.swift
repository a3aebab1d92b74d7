/// First in, first out, without moving what waits.
struct TransferQueue {
    private var elements: [TransferRequest] = []
    private var head = 0

    var count: Int { elements.count - head }
    var isEmpty: Bool { head == elements.count }

    mutating func append(_ requests: [TransferRequest]) {
        elements.append(contentsOf: requests)
    }

    mutating func popFirst() -> TransferRequest? {
        guard head < elements.count else { return nil }
        let first = elements[head]
        head += 1
        // Gone elements are dropped in strokes: half of the array at a time keeps it linear over all.
        if head == elements.count {
            elements.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1024, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return first
    }

    /// Takes out what matches, in order.
    mutating func removeAll(where matches: (TransferRequest) -> Bool) -> [TransferRequest] {
        let removed = elements[head...].filter(matches)
        guard !removed.isEmpty else { return [] }
        elements = elements[head...].filter { !matches($0) }
        head = 0
        return removed
    }
}
