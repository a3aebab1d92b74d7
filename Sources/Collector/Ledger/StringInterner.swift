/// Numbers names in the order in which they first come; quick where lists of much the same names follow each other.
///
/// A fleet's hosts come by name in each of hundreds of verifications, mostly the same ones. Whether the next name is the one
/// that came next the last time costs a comparison; to look each one up would cost a hash of it.
struct StringInterner {
    /// By number.
    private(set) var names: [String] = []
    private var numbers: [String: Int] = [:]
    /// The numbers of the last list and of this one, in their order.
    private var previous: [Int] = []
    private var current: [Int] = []
    /// Where in the last list the next name is expected.
    private var expected = 0
    /// Where in the last list that it was in each number stood.
    private var places: [Int] = []

    /// A new list of names begins.
    mutating func beginList() {
        for (place, number) in current.enumerated() { places[number] = place }
        swap(&previous, &current)
        current.removeAll(keepingCapacity: true)
        expected = 0
    }

    /// The name's number, from 0 on.
    mutating func number(of name: String) -> Int {
        let number: Int
        if expected < previous.count, names[previous[expected]] == name {
            number = previous[expected]
            expected += 1
        } else if let known = numbers[name] {
            number = known
            // Others may have left before it.
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
