// SPDX-License-Identifier: Apache-2.0

import CFuzzer
import Glibc

/// What inputs are tried on, by the name on the command line.
let targets: [String: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32] = [
    "http": { run(HTTPTarget.test, $0, $1) },
    "json": { run(JSONTarget.test, $0, $1) },
    "gguf": { run(GGUFTarget.test, $0, $1) },
    "tokenizer": { run(TokenizerTarget.test, $0, $1) },
    "template": { run(TemplateTarget.test, $0, $1) },
]

private func run(
    _ test: ([UInt8]) -> Void, _ bytes: UnsafePointer<UInt8>?, _ count: Int
) -> Int32 {
    test(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

guard CommandLine.arguments.count > 1, let target = targets[CommandLine.arguments[1]] else {
    print("usage: Fuzzing \(targets.keys.sorted().joined(separator: "|")) [libFuzzer's arguments]")
    exit(64)
}
// libFuzzer takes the word after the program's name for a corpus.
var count = CommandLine.argc - 1
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
exit(LLVMFuzzerRunDriver(&count, &arguments, target))
