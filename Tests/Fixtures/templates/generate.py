# SPDX-License-Identifier: Apache-2.0
"""Write language.json: what Jinja makes of small templates, with transformers' environment.

Every expression and statement below is rendered by jinja2 as transformers sets it up; where that raises,
the rendering is null. `pip install jinja2==3.1.6 transformers==5.24.0`, then run without arguments.

published.json holds templates of published models and their renderings, made in the same way.
"""

import copy
import datetime
import json
import pathlib

from transformers.utils import chat_template_utils

NOW = datetime.datetime(2025, 1, 2, 3, 4, 5)


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = Clock

VARIABLES = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  Hi <b>there</b>\n"},
        {"role": "assistant", "content": "Hello & \"bye\" 'x' é 日本 🎉", "reasoning_content": None},
        {"role": "user", "content": [{"type": "text", "text": "part"}, {"type": "image"}]},
    ],
    "text": "The quick brown fox, jumps over\tthe lazy dog",
    "empty": "",
    "word": "straße ΑΣ ǆ İ ﬁ",
    "lines": "one\ntwo\r\nthree\n\nfive\x0bsix\u2028seven",
    "numbers": [3, 1, 2.5, -4, 0, True],
    "names": ["bob", "Alice", "carol", "Bob", "alice"],
    "nested": {"a": {"b": [1, {"c": "deep"}]}, "list": [[1, 2], [3]], "n": None},
    "people": [
        {"name": "Ann", "age": 30, "city": "Oslo", "tags": ["x", "y"], "home": {"zip": "1"}},
        {"name": "Ben", "age": 25, "city": "Rome", "tags": [], "home": {"zip": "3"}},
        {"name": "cid", "age": 30, "city": "oslo", "home": {"zip": "2"}},
        {"name": "Dee", "city": None, "age": 41.5},
    ],
    "schema": {
        "type": "object",
        "properties": {"b": {"type": ["string", "null"], "enum": ["x", "ÿ"]}, "a": {"type": "integer"}},
        "required": ["b"],
        "<&>": "</script>",
    },
    "flag": True,
    "off": False,
    "nothing": None,
    "zero": 0,
    "seven": 7,
    "pi": 3.14159,
    "big": 9007199254740993,
    "quote": "it's \"quoted\" \\ back\tslash\u200b\x7f é 🎉",
    "keys": {"items": 1, "keys": 2, "x y": 3, "1": "one", "_private": 4},
}

EXPRESSIONS = r"""
1 + 2 * 3 - 4 / 2
7 // 2 ~ '|' ~ -7 // 2 ~ '|' ~ 7 % 3 ~ '|' ~ -7 % 3 ~ '|' ~ 7 % -3
7.5 // 2 ~ '|' ~ -7.5 // 2 ~ '|' ~ 7.5 % 2 ~ '|' ~ -7.5 % 2 ~ '|' ~ 7.5 % -2
2 ** 3 ** 2
-2 ** 2
2 ** -1
2 ** 0.5
10 ** 18
1 / 3
1e16
1e15
123456789012345680.0
0.0001
0.00001
1.5e300 * 1e10
1e400
-0.0
1_000_000
0x1F + 0o17 + 0b101
1.0
100.0 * 1.1
0.1 + 0.2
5e-324
1.7976931348623157e308
big
big + 1
big * 1.0
-big
+seven
not seven
true
True
none
None
false and 1
0 or 'x'
'' or none
1 and 'y'
1 < 2 < 3
1 < 2 > 3
1 == 1.0 == True
'a' < 'b'
'a' < 'B'
[1, 2] < [1, 3]
(1, 2) <= (1, 2)
1 in [1.0]
'1' in [1]
'ell' in 'hello'
'' in 'x'
'x' not in 'abc'
'a' in nested
nothing in [none]
1 in 'abc'
'x' in nothing
'x' in undefined_thing
undefined_thing in ['x']
undefined_thing == other_undefined
undefined_thing == none
undefined_thing
undefined_thing + 1
undefined_thing ~ 'x'
undefined_thing.foo
undefined_thing['foo']
undefined_thing()
undefined_thing | length
undefined_thing | upper
undefined_thing | default('d')
undefined_thing | list
undefined_thing | tojson
undefined_thing | int
undefined_thing | join(',')
undefined_thing | first
undefined_thing | map('upper') | list
undefined_thing | trim
undefined_thing < 3
-undefined_thing
undefined_thing is defined
undefined_thing is undefined
undefined_thing is none
undefined_thing is string
undefined_thing is iterable
undefined_thing is sequence
undefined_thing is mapping
undefined_thing is callable
undefined_thing is number
undefined_thing is boolean
undefined_thing if undefined_thing else 'no'
'x' if false
('x' if false) is defined
[undefined_thing, none, true]
nested.missing
nested.missing.deeper
nested['missing'] | default('d')
nested.a.b[1].c
nested['a']['b'][1]['c']
nested.a.b.1.c
nested.a.b[-1]
nested.a.b[5]
nested.a.b['x']
nested.list[0][1]
nothing.x
nothing['x']
nothing[1:]
seven.x
seven.real
text.x
text['upper']()
text[0] ~ text[-1]
text[100]
text[4:9]
text[-3:]
text[:3] ~ text[3:]
text[::-1]
text[::5]
text[10:2:-2]
text[100:200]
text[-100:3]
word[1:5]
messages[2].content[-1]
messages[2]['content'][-4:-1]
[1,2,3,4,5][1:3]
[1,2,3,4,5][::2]
[1,2,3,4,5][::-1]
[1,2,3,4,5][-2:]
[1,2,3,4,5][3:1:-1]
[1,2,3][0:100:1000000000000]
(1,2,3)[1:]
names['x':]
[1,2,3][none:none]
[1,2,3][::0]
range(10)[3]
range(10)[-1]
range(5) | list
range(2, 10, 3) | list
range(10, 0, -3) | list
range(0) | list
range(200000)
range(3) is iterable
range(9)[1:]
range(9)[::-2]
range(0, 9, 3)[-2:]
range(3)
(1,)
()
(1, 'a', none, 2.0)
[1, 'a', none, 2.0, true, [], {}]
{'a': 1, 'b': [1, 2], 'c': {'d': none}, 1: 2}
{1: 'a', True: 'b', 1.0: 'c'}
{'a': 1}['a']
{'a': 1}.a
{[1]: 2}
{(1, 2): 3}
keys.items
keys['items']
keys.items()
keys.keys() | list
keys.values() | list
keys._private
keys['_private']
keys['x y']
keys.get('items')
keys.get('nope')
keys.get('nope', 'd')
keys.get('nope', default='d')
keys | items | list
keys.update({'a': 1})
keys.update is defined
keys.pop('items')
names.append('x')
names.sort()
names.copy()
names.index('bob')
names.index('nobody')
names.count('bob')
keys.__class__
text.__class__.__mro__
''.__class__ is defined
'%s and %s' % ('a', 1)
'%s' % 'only'
'%d|%5d|%-5d|%05d|%+d' % (3, 3, 3, 3, 3)
'%.2f|%8.3f|%e|%g|%g' % (3.14159, 2.5, 12345.678, 0.0001, 1e10)
'%x %X %o %#x' % (255, 255, 8, 255)
'%r %s' % ('a', 'a')
'%(a)s-%(b)d' % {'a': 'x', 'b': 2}
'%%' % ()
'%s' % (1, 2)
'%s %s' % 'x'
'%d' % 'x'
'%c%c' % (65, 'b')
'%.3s|%10s|%-10s|' % ('abcdef', 'r', 'l')
'%s' % [1, 2]
'%5.1f%%' % 99.55
'{} {}'.format('a', 1)
'{0} {1} {0}'.format('a', 'b')
'{name} {age:>5} {age:<5}|{age:^5}|'.format(name='x', age=42)
'{:.2f} {:e} {:g} {:%}'.format(3.14159, 1234.5, 0.00001, 0.25)
'{:,} {:_} {:,.2f}'.format(1234567, 1234567, 1234567.891)
'{:05d} {:+} {:x} {:#b} {:o}'.format(42, 42, 255, 5, 8)
'{0.role} {0[content]}'.format(messages[0])
'{!r} {!s}'.format('a', 'b')
'{{}} {}'.format(1)
'{'.format(1)
'{} {}'.format(1)
'{:*^10}|{:->8}|{:s}'.format('mid', 'r', 's')
'{:>{w}}'.format('x', w=5)
'{:d}'.format('x')
'{:.3}'.format('abcdef')
'{:.3}'.format(3.14159)
'{}'.format(none)
'{0}{}'.format(1, 2)
'{a.b}'.format(a=nested.a)
text.upper()
text.lower()
text.title()
text.capitalize()
text.swapcase()
word.upper()
word.lower()
word.title()
word.capitalize()
word | upper
word | lower
word | title
word | capitalize
"it's o'neil (foo-bar) [x]" | title
"it's o'neil".title()
text.split()
text.split(' ')
text.split(' ', 2)
text.split(maxsplit=2)
text.rsplit(' ', 2)
text.rsplit(none, 1)
'a,b,,c'.split(',')
'a,b,,c'.split(',', -1)
''.split(',')
''.split()
'abc'.split('')
'<think>x</think>y'.split('</think>')[-1]
'aXXbXXc'.split('XX')
'  a  b  '.split(none, 1)
'  a  b  '.rsplit(none, 1)
'aaa'.split('aa')
'aaa'.rsplit('aa')
'aaa'.rsplit('aa', 1)
lines.splitlines()
lines.splitlines(true)
lines | length
text.partition(' ')
text.rpartition(' ')
text.partition('zzz')
text.rpartition('zzz')
'  x '.strip() ~ '|' ~ '  x '.lstrip() ~ '|' ~ '  x '.rstrip() ~ '|'
'xxaxx'.strip('x')
'abcba'.strip('ab')
'\u00a0\u3000x\x1c'.strip()
'héé'.strip('é')
text.replace('o', '0')
text.replace('o', '0', 1)
'abc'.replace('', '-')
'abc'.replace('', '-', 2)
'é日'.replace('', '.')
'aaa'.replace('aa', 'b')
text.startswith('The')
text.startswith(('A', 'The'))
text.startswith('quick', 4)
text.endswith('dog')
text.endswith(('cat', 'dog'))
text.startswith(1)
text.find('fox')
text.find('zebra')
text.find('o', 13)
text.rfind('o')
text.index('fox')
text.index('zebra')
text.count('o')
'aaaa'.count('aa')
'abc'.count('')
'日本語'.find('語')
'日本語'.rfind('')
'abc'.isalpha() ~ 'a1'.isalnum() ~ '12'.isdigit() ~ '½'.isnumeric() ~ '²'.isdigit() ~ '²'.isdecimal()
''.isalpha() ~ ' '.isspace() ~ 'Ab'.istitle() ~ 'ab'.islower() ~ 'AB'.isupper() ~ 'a b'.isidentifier()
'a_1'.isidentifier() ~ '1a'.isidentifier() ~ 'é'.isascii() ~ '\x00'.isprintable()
'They Re'.istitle() ~ 'TheY'.istitle() ~ '1'.islower() ~ '1a'.islower()
'a'.center(6, '*') ~ '|' ~ 'ab'.center(5) ~ '|' ~ 'a'.ljust(3) ~ '|' ~ 'a'.rjust(3, '.') ~ '|' ~ '-5'.zfill(4)
'ab'.center(5, '*') ~ 'abc'.center(6, '*') ~ 'a'.center(4, '*')
'a\tb'.expandtabs() ~ '|' ~ 'a\tb'.expandtabs(4)
'-'.join(['a', 'b'])
'-'.join([1])
'-'.join('abc')
'prefix-x'.removeprefix('prefix-') ~ 'x.py'.removesuffix('.py') ~ 'x'.removesuffix('')
'ß'.casefold()
'abc' * 3 ~ 2 * 'x' ~ 'y' * -1
[1] * 3
[1] + [2]
[1] + (2,)
'a' + 1
1 + 'a'
'a' + nothing
'a' + {}
[] + 1
'a' - 'b'
{} + {}
5 / 0
5 // 0
5 % 0
5.0 / 0
quote
[quote]
{'q': quote}
["it's", 'say "x"', "both ' and \"", 'nl\n', '\\', '\x00', '\u00e9', '\u200b', '\U0001f600']
quote | tojson
schema | tojson
schema | tojson(indent=2)
schema | tojson(indent=4)
schema | tojson(indent=0)
schema | tojson(true)
schema | tojson(ensure_ascii=true)
schema | tojson(separators=(',', ':'))
schema | tojson(indent=2, separators=(',', ': '))
schema | tojson(sort_keys=true)
schema | tojson(indent='--')
schema | tojson(indent=none)
[] | tojson(indent=2)
{} | tojson
{'a': []} | tojson(indent=2)
[1, 2.0, 1e20, none, true, 'x', (1, 2)] | tojson
{1: 2, none: 3, true: 4, 1.5: 5} | tojson
{(1, 2): 3} | tojson
range(3) | tojson
names | map('upper') | tojson
keys.items() | tojson
namespace(a=1) | tojson
'\x01\x1f\x7f\u2028é🎉' | tojson
'é🎉' | tojson(ensure_ascii=true)
messages | tojson
messages[0] | string
nested | string
numbers | sort
numbers | sort(reverse=true)
names | sort
names | sort(case_sensitive=true)
names | sort(reverse=true)
names | sort(false, true)
people | sort(attribute='age') | map(attribute='name') | join(',')
people | sort(attribute='age,name') | map(attribute='name') | join(',')
people | sort(attribute='age', reverse=true) | map(attribute='name') | join(',')
people | sort(attribute='home.zip') | length
people[:3] | sort(attribute='home.zip') | map(attribute='name') | list
['a', 1] | sort
people | map(attribute='name') | list
people | map(attribute='home.zip') | list
people | map(attribute='home.zip', default='?') | list
people | map(attribute='tags', default=[]) | list
people | map(attribute='tags.0', default='-') | list
people | map('upper') | list
people | map(attribute='name') | map('lower') | map('replace', 'a', 'A') | list
names | map('length') | list
names | map('truncate', 3, true, '') | list
names | map() | list
names | map('nope') | list
names | map(attribute='x', foo=1) | list
[[1, 2], [3, 4]] | map('first') | list
[[1, 2], [3, 4]] | map(attribute=1) | list
[[1, 2], [3, 4]] | map('join', '-') | join(';')
names | select('equalto', 'bob') | list
names | reject('equalto', 'bob') | list
numbers | select | list
numbers | reject | list
numbers | select('odd') | list
numbers | select('gt', 1) | list
numbers | select('number') | list
numbers | select('>', 1) | list
names | select('in', ['bob', 'Bob']) | list
people | selectattr('age') | map(attribute='name') | list
people | selectattr('age', 'equalto', 30) | map(attribute='name') | list
people | selectattr('age', '==', 30) | map(attribute='name') | list
people | rejectattr('age', 'equalto', 30) | map(attribute='name') | list
people | selectattr('city', 'none') | map(attribute='name') | list
people | selectattr('home', 'defined') | map(attribute='name') | list
people | rejectattr('tags') | map(attribute='name') | list
people | selectattr('home.zip', 'eq', '1') | list | length
people | selectattr('tags', 'defined') | selectattr('tags') | list | length
messages | selectattr('role', 'equalto', 'user') | list | length
messages | selectattr('role', 'in', ['user', 'system']) | map(attribute='role') | join('/')
messages | rejectattr('role', 'equalto', 'system') | list | tojson
messages | selectattr() | list
messages | map(attribute='role') | unique | list
names | unique | list
names | unique(true) | list
people | unique(attribute='city') | map(attribute='name') | list
[[1], [1]] | unique | list
people | groupby('age') | list
people | groupby('age') | map(attribute='grouper') | list
people[:3] | groupby('city') | map('first') | list
people[:3] | groupby('city', case_sensitive=true) | map('first') | list
(people | groupby('age'))[0].list | length
people | groupby('home.zip', default='0') | map(attribute=0) | list
names | min ~ names | max ~ numbers | min ~ numbers | max
names | min(case_sensitive=true)
people[:3] | max(attribute='age')
[] | max
[] | first
[] | last
names | first ~ names | last
'abc' | first ~ 'abc' | last
nested | first
nested | last
names | map('upper') | first
names | map('upper') | last
names | reverse | list
'abc' | reverse
names | map('upper') | reverse
names | reverse | tojson
names | join
names | join(', ')
numbers | join('-')
people | join(',', attribute='name')
[none, 1, 'a'] | join('|')
'abc' | join('.')
names | length ~ names | count ~ nested | length ~ '' | length
seven | length
nothing | length
names | list | string
'abc' | list
nested | list
nothing | list
seven | list
numbers | sum
people[:3] | sum(attribute='age')
[[1], [2]] | sum(start=[])
['a'] | sum
[1.5, 2] | sum(start=1)
names | batch(2) | list
names | batch(2, 'x') | list
names | batch(10) | list
names | slice(2) | list
names | slice(3, 'x') | list
names | slice(0) | list
nested | dictsort
{'b': 1, 'A': 2, 'c': 0} | dictsort
{'b': 1, 'A': 2, 'c': 0} | dictsort(true)
{'b': 1, 'A': 2, 'c': 0} | dictsort(by='value')
{'b': 1, 'A': 2, 'c': 0} | dictsort(false, 'value', true)
nothing | dictsort
schema.properties | dictsort | map('first') | list
keys | items | map('first') | join(',')
'42' | int ~ '|' ~ '42.7' | int ~ '|' ~ 'x' | int ~ '|' ~ 'x' | int(5) ~ '|' ~ '0x1A' | int(0, 16) ~ '|' ~ '11' | int(base=2)
' 42 ' | int ~ '|' ~ '-7' | int ~ '|' ~ '1_000' | int ~ '|' ~ 3.99 | int ~ '|' ~ -3.99 | int ~ '|' ~ true | int
none | int ~ '|' ~ [] | int(1) ~ '|' ~ '' | int ~ '|' ~ '1e3' | int
'z' | int(0, 36) ~ '|' ~ '0b101' | int(0, 0) ~ '|' ~ '010' | int(7, 0)
'3.5' | float ~ '|' ~ 'x' | float ~ '|' ~ 'x' | float(1.5) ~ '|' ~ '1e3' | float ~ '|' ~ 3 | float ~ '|' ~ none | float
'inf' | float ~ '|' ~ '-Infinity' | float ~ '|' ~ 'nan' | float ~ '|' ~ '0x1p3' | float ~ '|' ~ '1_0.5' | float
'inf' | float | int
'nan' | float | int
42.55 | round ~ '|' ~ 42.55 | round(1) ~ '|' ~ 42.55 | round(1, 'floor') ~ '|' ~ 42.51 | round(1, 'ceil')
2.5 | round ~ '|' ~ 3.5 | round ~ '|' ~ -2.5 | round ~ '|' ~ 2.675 | round(2) ~ '|' ~ 1e20 | round
42 | round ~ '|' ~ 1234 | round(-2) ~ '|' ~ 1250 | round(-2) ~ '|' ~ 1350 | round(-2) ~ '|' ~ 15.0 | round(-1)
42.4 | round | int
42 | round(0, 'floor') ~ '|' ~ 42 | round(method='ceil')
'x' | round
1 | round(1, 'up')
-5 | abs ~ '|' ~ 5.5 | abs ~ '|' ~ true | abs
'x' | abs
1 | filesizeformat ~ '|' ~ 999 | filesizeformat ~ '|' ~ 1500 | filesizeformat ~ '|' ~ 1500000 | filesizeformat(true)
text | truncate(20)
text | truncate(20, true)
text | truncate(20, false, '!')
text | truncate(20, leeway=0)
text | truncate(5, true, '', 0)
'short' | truncate(4)
text | truncate(2)
text | indent
lines | indent
lines | indent(2, true)
lines | indent(2, blank=true)
lines | indent('> ', first=true)
'a\n\nb\n' | indent(2)
'' | indent(2, true)
seven | indent
names | truncate
numbers | truncate(2)
text | wordcount
'a-b c_d é日' | wordcount
text | replace('o', '0', 2) | replace('fox', 'cat')
seven | replace('7', '8')
'%s-%s' | format('a', 'b')
'%(x)s' | format(x=1)
'%s' | format(1, x=2)
'x' | center(7) ~ '|'
text | trim('Tgo')
'  x  ' | trim ~ '|'
'<a href="x">&\'</a>' | escape
'<a>' | e
'<a>' | e | e
'<a>' | forceescape
'<a>' | safe
'<'|safe + '<' + '>'
'<' + '<'|safe
('<'|safe ~ '<') + '<'
('<'|safe).upper() + '<'
('<a>'|safe)[0] + '<'
('<a>'|safe|upper) + '<'
('<'|safe * 2) + '<'
'<'|safe == '<'
['<'|safe]
('a<'|safe).split('a')
'x'|safe is string
'x'|safe is escaped
'x' is escaped
{'a': 1}['a'|safe]
['<'|e] | join('<')
'a b/c?d=é' | urlencode
{'a b': 'c/d', 'x': 1} | urlencode
[('a', 1), ('b', 'ä')] | urlencode
{'class': 'x y', 'id': none, 'n': 1, 'q': '"'} | xmlattr
{'class': 'x'} | xmlattr(false)
nested | attr('a')
nested | attr('items') is callable
'abc' | attr('upper') is callable
nothing | default('d') ~ '|' ~ nothing | default('d', true) ~ '|' ~ '' | d('e', true) ~ '|' ~ 0 | default(1, boolean=true)
nested.missing | default
text is string ~ seven is integer ~ pi is float ~ seven is number ~ flag is boolean ~ flag is integer ~ flag is number
nested is mapping ~ names is sequence ~ text is sequence ~ names is iterable ~ seven is iterable ~ nested is sequence
nothing is none ~ nothing is not none ~ seven is odd ~ seven is even ~ 8 is divisibleby 4 ~ 8 is divisibleby(3)
seven is eq 7 ~ seven is ne 7 ~ seven is gt 6 ~ seven is lt(8) ~ seven is ge 7 ~ seven is le 6
seven is in [7] ~ 'x' is not in ['y'] ~ 'a' is in 'abc'
flag is true ~ off is false ~ seven is true ~ 1 is true
'abc' is lower ~ 'ABC' is upper ~ 'aBc' is lower
none is sameas none ~ true is sameas true ~ 1 is sameas 1.0
range is callable ~ text is callable ~ text.upper is callable
'upper' is filter ~ 'nope' is filter ~ 'odd' is test ~ 'nope' is test
text is nope
text | nope
seven is defined and seven
seven is not defined or 'x'
not seven is odd
seven is odd if flag else 1
(seven is odd) if flag else 1
1 if flag else 2 if off else 3
(1 if off else 2) if flag else 3
[1, 2, 3] | first + 1
'a' ~ 'b' | upper
'a' + 'b' | upper
-1 | abs
-seven | abs
(1, 2) + (3,)
dict(a=1, b=2)
dict({'a': 1}, b=2)
dict([('a', 1), ['b', 2]])
dict([1])
namespace(a=1).a
namespace({'a': 1}, b=2).b
namespace(a=1).missing
namespace(_a=1)
namespace(a=1)
joiner(', ')()
cycler('a', 'b').next()
cycler()
raise_exception('told you')
raise_exception()
strftime_now('%Y-%m-%d %H:%M:%S %B %b %A %a %j %p %I %y %d %e %-d %-m %% %U %W %w %u %D %F %T %R %q')
strftime_now('%d %B %Y')
strftime_now()
range('x')
range()
range(1, 2, 0)
text.upper
text.upper(1)
text.nope()
seven()
'a' 'b' "c"
'\n\t\\\'\"\x41\u0042\101\q\é'
"a\
b"
'tab	inside'
{'a': 1,}
[1, 2,]
(1, 2,)
1,2
1, 
[1 2]
1 +
(1
'unclosed
)
1 ! 2
a b
{}.x is defined
{}|length
'x'.format
[].append is defined
1.5.is_integer()
(1.0).is_integer()
(255).bit_length()
007
1__0
1.e5
5.real
names[seven is odd]
people | map(attribute='name') is iterable
people | map(attribute='name') | list is sequence
(people | map(attribute='name')) is sequence
people | map(attribute='name') | length
people | selectattr('age')
nested.items() | list
nested.items() | first
nested.items()[0]
nested.keys()
nested.values() | list | length
'a' in keys.keys()
nested == {'a': {'b': [1, {'c': 'deep'}]}, 'list': [[1, 2], [3]], 'n': none}
[1, 2] == (1, 2)
1 == '1'
none == false
0 == false
'é' == 'e\u0301'
'e\u0301' | length
'\u1e9e'.lower() ~ 'ŉ'.upper() ~ 'ǅ'.swapcase()
'日本' | tojson ~ '日本' | length
messages[3].content is string
messages[3].content is iterable
messages[3].content[0].text
messages[2].reasoning_content is none
messages[1].reasoning_content is defined
messages[2].get('reasoning_content') or 'none'
messages | map(attribute='content') | select('string') | map('length') | list
(messages | last).role
messages[-1]['role'] == 'user' and messages[-1].content is not string
messages[0]['role'] ~ ': ' ~ messages[0]['content'] | upper
messages[1:] | length
messages[::-1] | map(attribute='role') | join(',')
messages | length - 1
(messages | length) - 1
loop
loop is defined
caller
varargs
""".strip("\n").split("\n")

# An escape and a line's end belong together.
EXPRESSIONS = [line for line in EXPRESSIONS if line]

STATEMENTS = [
    "{% for x in names %}{{ loop.index }}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for x in [] %}a{% else %}none{% endfor %}",
    "{% for x in names if x.islower() %}{{ loop.index0 }}/{{ loop.length }}{{ x }} {% else %}no{% endfor %}",
    "{% for k, v in nested.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in nested %}{{ k }};{% endfor %}",
    "{% for k, v in nested | dictsort %}{{ k }};{% endfor %}",
    "{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}",
    "{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in seven %}{% endfor %}",
    "{% for x in nothing %}{% endfor %}",
    "{% for x in undefined_thing %}x{% else %}else{% endfor %}",
    "{% for c in 'añb' %}[{{ c }}]{% endfor %}",
    "{% for x in range(5) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in [1] %}{% break %}{% else %}else{% endfor %}",
    "{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{% else %}else{% endfor %}",
    "{% for x in [1] %}{% continue %}{% else %}else{% endfor %}",
    "{% break %}",
    "{% for x in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in names %}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.depth }} {% endfor %}",
    "{% for x in names %}{{ loop.previtem | default('-') }}<{{ x }}>{{ loop.nextitem | default('-') }} {% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {{ loop.cycle('a', 'b') }} {% endfor %}",
    "{% for x in [1, 2] %}{% for y in [3, 4] %}{{ loop.index }}{{ x }}{{ y }} {% endfor %}{{ loop.index }}{% endfor %}",
    "{% for x in [1, 2] %}{% set outer = loop %}{% for y in [3, 4] %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for x in tree recursive %}{{ x.n }}{% if x.c %}({{ loop(x.c) }}){% endif %}{{ loop.depth }}{% endfor %}",
    "{% for x in [1] %}{{ loop([2]) }}{% endfor %}",
    "{% for x in names | map('upper') %}{{ loop.length }}{{ x }}{{ loop.last }} {% endfor %}",
    "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + 1 %}{{ x }} {% endfor %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace() %}{% set ns.a = 1 %}{% set ns.b = [ns.a] %}{{ ns.b }}{{ ns.c is defined }}",
    "{% set ns = namespace(x=1) %}{% set ns._x = 1 %}",
    "{% set d = {'a': 1} %}{% set d.a = 2 %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = [1] %}",
    "{% set (a, b) = 'xy' %}{{ b }}{{ a }}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set x %}a{{ 1 }}b{% endset %}[{{ x }}]",
    "{% set x | upper | replace('A', 'z') %}abc{% endset %}{{ x }}",
    "{% set x %}{% set y = 5 %}{{ y }}{% endset %}{{ x }}{{ y is defined }}",
    "{% if false %}{% set x = 1 %}{% endif %}{{ x is defined }}",
    "{% if true %}{% set x = 1 %}{% endif %}{{ x }}",
    "{% if zero %}a{% elif empty %}b{% elif seven %}c{% else %}d{% endif %}",
    "{% if nothing %}a{% else %}d{% endif %}{% if undefined_thing %}u{% endif %}",
    "{% if seven is defined and not off %}yes{% endif %}",
    "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{{ rest | length }}",
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c='z') }}{{ m() }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(5) }}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(5) }}",
    "{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{% set x = 2 %}{{ m() }}",
    "{% macro m() %}{% set x = 5 %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{{ x }}",
    "{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m() %}{{ seven }}{{ messages | length }}{% endmacro %}{{ m() }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}body{{ seven }}{% endcall %}",
    "{% macro m() %}{% for i in [1, 2] %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(x) m() %}[{{ x }}]{% endcall %}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{% call m(1) %}x{% endcall %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% macro m(caller) %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}",
    "{% macro m(caller=none) %}{% if caller %}{{ caller() }}{% else %}none{% endif %}{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}",
    "{% macro m(a, b) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.caller }}",
    "{% macro m() %}x{% endmacro %}{{ m() | upper }}{{ m() ~ m() }}{% set y = m() %}{{ y | length }}",
    "{% macro m(x) %}{{- x -}}{% endmacro %}{{ m(*[1]) }}{{ m(**{'x': 2}) }}",
    "{% macro m(x, x) %}{% endmacro %}",
    "{% filter upper %}abc{{ text }}{% endfilter %}",
    "{% filter replace('a', 'b') | upper %}aaa{% endfilter %}",
    "{% with a = 1, b = seven %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a is defined }}",
    "{% with a = 1, b = a %}{{ b is defined }}{% endwith %}",
    "{% generation %}gen{{ seven }}{% set z = 1 %}{% endgeneration %}{{ z is defined }}",
    "{% block b %}in{{ seven }}{% endblock %}",
    "{% set x = 1 %}{% block b %}{{ x }}{% endblock %}",
    "{% for i in [1] %}{% block b %}{{ i is defined }}{% endblock %}{% endfor %}",
    "{% for i in [1] %}{% block b scoped %}{{ i is defined }}{% endblock %}{% endfor %}",
    "{% block b %}{% endblock %}{% block b %}{% endblock %}",
    "{% autoescape false %}{{ '<' }}{% endautoescape %}",
    "{% raw %}{{ x }}{% if %}{% endraw %}",
    "a{% raw %}  {{ x }}  {%- endraw %}  b",
    "a {%- raw -%}  {{ x }}  {%- endraw -%}  b",
    "{% raw %}x",
    "{# comment #}x{# multi\nline #}\ny",
    "a{#- c -#}  b",
    "  {# c #}\n  x",
    "{# unclosed",
    "x{#",
    "x{#-",
    "x{# ",
    "x{% raw %}",
    "  {% if true %}\n    a\n  {% endif %}\n  b\n",
    "  {%+ if true %}\n    a\n  {%+ endif %}\n  b\n",
    "  {% if true +%}\n    a\n  {% endif +%}\n  b\n",
    "x  {% if true %}\n    a\n  y{% endif %}\n  b\n",
    "x\n  {%- if true -%}\n    a\n  {%- endif -%}\n  b\n",
    "a  {{ 1 }}  b\n{{ 2 }}\nc",
    "a  {{- 1 -}}  b\n{{- 2 -}}\nc",
    "a\n\n{% set x = 1 %}\n\nb",
    "\t {% set x = 1 %}\n\t{{ x }}\n",
    "{% set x = 1 %}{% set y = 2 %}\n{{ x }}",
    "{{ 1 }}\n{% if 1 %}x{% endif %}\n\n",
    "line\n\n",
    "line\r\nnext\rlast\r\n",
    "{% if 1 %}\r\nx\r\n{% endif %}\r\ny",
    "{% for x in [1,2] -%}\n  {{ x }}\n{%- endfor %}",
    "\u3000{%- if 1 %}x{% endif %}",
    "{{ '{{' }}{{ '}}' }}{{ \"%}\" }}",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{ {}}}",
    "{{ [1,2] [0] }}",
    "{{ x.y.z | default('d') }}",
    "{{ '' }}{{ none }}{{ [] }}",
    "{% print 1, 2 %}{% print seven %}",
    "{% if 1 %}a",
    "{% endif %}",
    "{% for x in y %}",
    "{% nope %}",
    "{% if 1 %}{% endfor %}{% endif %}",
    "{% if 1 %}a{% else %}b{% else %}c{% endif %}",
    "{{ 1",
    "{% if 1",
    "{{ }}",
    "{% if %}{% endif %}",
    "{% set 1 = 2 %}",
    "{% set true = 2 %}",
    "{% for 1 in x %}{% endfor %}",
    "{% include 'x' %}",
    "{% if false %}{% include 'x' %}{% endif %}ok",
    "{% if false %}{{ 1 | nope }}{% endif %}ok",
    "{{ 1 | nope if false else 2 }}",
    "{% for x in [] %}{{ 1 | nope }}{% endfor %}",
    "{% do 1 %}",
    "{{ raise_exception('x') if off else 'fine' }}",
    "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'assistant' and not ns.found %}{% set ns.found = true %}{{ loop.index0 }}{% endif %}{% endfor %}",
    "{%- for message in messages %}\n{{- '<|im_start|>' + message['role'] + '\\n' + (message['content'] if message['content'] is string else 'parts') + '<|im_end|>' + '\\n' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n{{- '<|im_start|>assistant\\n' }}\n{%- endif %}",
    "{%- macro render(m) -%}\n  {%- if m is mapping -%}\n    {{- '{' -}}\n    {%- for k, v in m.items() -%}\n      {{- k ~ ':' -}}{{- render(v) -}}{{- ',' if not loop.last -}}\n    {%- endfor -%}\n    {{- '}' -}}\n  {%- elif m is iterable and m is not string -%}\n    {{- '[' -}}{%- for v in m -%}{{- render(v) -}}{{- ' ' if not loop.last -}}{%- endfor -%}{{- ']' -}}\n  {%- else -%}\n    {{- m | tojson -}}\n  {%- endif -%}\n{%- endmacro -%}\n{{ render(schema) }}",
    "{% set content = messages[2].content %}{% if '</think>' in content %}x{% endif %}{{ content.split('&')[0].rstrip('\\n').split(' ')[-1].lstrip() }}|",
    "{% set m = messages | selectattr('role', 'equalto', 'system') | list %}{{ m[0].content if m else '' }}",
    "{% set last = namespace(index=messages | length - 1) %}{% for message in messages[::-1] %}{% set index = (messages | length - 1) - loop.index0 %}{% if message.role == 'user' and message.content is string and not (message.content.startswith('<tool>')) %}{% set last.index = index %}{% break %}{% endif %}{% endfor %}{{ last.index }}",
    "{% set j = joiner('|') %}{% for x in names %}{{ j() }}{{ x }}{% endfor %}",
    "{% set c = cycler(1, 2, 3) %}{% for x in names %}{{ c.next() }}{% endfor %}{{ c.current }}{% set _ = c.reset() %}{{ c.next() }}",
    "{% set x = names | map('upper') %}{{ x | list }}{{ x | list }}",
    "{% set date = strftime_now('%Y') if strftime_now is defined else '2024' %}{{ date }}",
    "{% set x = [] %}{% set x = x + [1] %}{% set x = x + [2] %}{{ x }}",
    "{% set x = 5 if seven > 3 else 6 %}{{ x }}{{- ' ' -}}{{ x * 2 }}",
    "{% for m in messages %}{% if loop.index0 % 2 == 0 %}e{% else %}o{% endif %}{% endfor %}",
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% endfor %}",
    "{% for group in people | groupby('age') %}{{ group.grouper }}:{{ group.list | map(attribute='name') | join(',') }};{% endfor %}",
    "{% for age, group in people | groupby('age') %}{{ age }}:{{ group | length }};{% endfor %}",
    "{% for x in names %}{% for y in names %}{% if loop.index > 2 %}{% break %}{% endif %}{{ y[0] }}{% endfor %}-{% endfor %}",
    "{% set x = 1 %}{% with %}{% set x = 2 %}{{ x }}{% endwith %}{{ x }}",
    "{% set x = 1 %}{% filter upper %}{% set x = 2 %}{{ x }}{% endfilter %}{{ x }}",
    "{{ messages|map(attribute='role')|join(',')}}\n{{-messages[0].content-}}\n",
    "{% for x in [1,2,3] %}{{ x }}{{ ',' if not loop.last else '.' }}{% endfor %}",
    "{% for x in [1,2,3] %}{{ ',' if not loop.first }}{{ x }}{% endfor %}",
    "{% if messages[0] is mapping and 'role' in messages[0] %}{{ messages[0]['role'] | upper }}{% endif %}",
    "{%set x=1%}{%if x==1%}{{x}}{%endif%}",
    "{% if not (nothing is none or zero) %}a{% else %}b{% endif %}",
    "{% set s = 'a' %}{% set s = s ~ 'b' %}{% set s = s + 'c' %}{{ s }}",
    "{% if x is not defined %}{% set x = 'new' %}{% endif %}{{ x }}",
    "{% if not tools is defined %}{% set tools = none %}{% endif %}{{ tools }}",
    "{% set tools = tools if tools is defined else [] %}{{ tools }}",
    "{{ self.b() }}",
    "{% from 'x' import y %}",
    "{% import 'x' as y %}",
    "{% extends 'x' %}",
    "{% call seven %}{% endcall %}",
    "{% call text.upper() %}x{% endcall %}",
    "{% for x in names: %}{{ x[0] }}{% endfor %}",
    "{% if seven: %}x{% endif %}",
    "{%- if seven %}x{%- endif -%} y",
    "{{ namespace(a=1, b=[1]) }}",
    "{% for i in range(3) %}{% set _ = i %}{% endfor %}{{ _ is defined }}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}b{% endmacro %}{{ a() }}",
    "{% macro m(x) %}{% if x %}{{ x }}{% endif %}{% endmacro %}{{ m(x=none) }}|{{ m('') }}|{{ m([]) }}|{{ m(0) }}",
    "{% set f = text.upper %}{{ f() }}",
    "{% set r = range %}{{ r(3) | list }}",
    "{% for k in keys.keys() | sort %}{{ k }},{% endfor %}",
    "{% for item in nested.list %}{% for x in item %}{{ x }}{% endfor %};{% endfor %}",
]

EXTRA = {"tree": [{"n": 1, "c": [{"n": 2, "c": [{"n": 3}]}, {"n": 4}]}, {"n": 5}], "add_generation_prompt": True}


def render(template):
    try:
        # A copy: Jinja's indent adds a line's end to a list that it is given.
        variables = copy.deepcopy(VARIABLES | EXTRA)
        return chat_template_utils._compile_jinja_template(template).render(**variables)
    except Exception:
        return None


# What depends on Python rather than on the language: addresses of objects, the version's messages.
UNREPRODUCIBLE = ("<bound method", "<function", "<built-in", " at 0x", "<generator", "<class", "<jinja2", "<Macro")


def main():
    templates = ["{{ " + expression + " }}" for expression in EXPRESSIONS] + STATEMENTS
    renderings = []
    for template in templates:
        rendered = render(template)
        if rendered is not None and any(mark in rendered for mark in UNREPRODUCIBLE):
            continue
        renderings.append({"template": template, "rendered": rendered})
    path = pathlib.Path(__file__).with_name("language.json")
    document = {"variables": VARIABLES | EXTRA, "renderings": renderings}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    errors = sum(rendering["rendered"] is None for rendering in renderings)
    print(f"{len(renderings)} renderings, {errors} of them errors")


main()
