// SPDX-License-Identifier: Apache-2.0

extension StartPage {
    static let meta = #"""
        <title>Apus</title>
        """#
    static let markup = #"""
        <h1>Apus</h1>
        """#
}
