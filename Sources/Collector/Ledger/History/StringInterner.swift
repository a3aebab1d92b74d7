/// Numbers names in order of first occurrence; fast if similar lists of names follow each other.
///
/// Hundreds of verifications list mostly the same hosts by name. Checking that the next name is the one that came next in the
/// previous list takes a comparison; looking it up would take a hash.
struct StringInterner {
    /// The names by number.
    private(set) var names: [String] = []
    private var numbers: [String: Int] = [:]
    /// The numbers of the previous and of the current list, in order.
    private var previous: [Int] = []
    private var current: [Int] = []
    /// The index in the previous list at which the next name is expected.
    private var expected = 0
    /// Each number's index in the latest list that it was in.
    private var places: [Int] = []

    /// Begins a new list of names.
    mutating func beginList() {
        for (place, number) in current.enumerated() { places[number] = place }
        swap(&previous, &current)
        current.removeAll(keepingCapacity: true)
        expected = 0
    }

    /// The name's number, from 0.
    mutating func number(of name: String) -> Int {
        let number: Int
        if expected < previous.count, names[previous[expected]] == name {
            number = previous[expected]
            expected += 1
        } else if let known = numbers[name] {
            number = known
            // Names before it might have been removed.
            let place = places[known]
            if place < previous.count, previous[place] == known { expected = place + 1 }
        } else {
            number = names.count
            names.append(name)
            places.append(0)
            numbers[name] = number
        }
        current.append(number)
        return number
    }
}
