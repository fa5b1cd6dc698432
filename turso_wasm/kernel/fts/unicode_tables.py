"""Characters as SQLite's FTS5 classifies and folds them: data, made from what SQLite 3.54 answers for every code point.

SQLite's tables are of an older Unicode than any Python's, so the unicodedata module cannot be the source; that the data
agree with SQLite is checked over all code points by tests/unit/fts/test_tokenizers.py. Numbers in the data are varints,
low groups first.

CATEGORIES  from code point 0 on, runs of equal categories: a byte category | length << 5; length 0: a number, the
            length less 8, follows. Category PAIRS: not a run but that many pairs of an upper and a lower case letter.
FOLDS       code points that have a lower case, ascending: distance from the last range's first, count << 1 | (step -
            1), distance to the lower case << 1 | sign.
MARKED      lower case letters with diacritics, in ranges likewise; behind each the letter without, with bit 7 if
            remove_diacritics=1 leaves it as it is.
"""

import base64

from turso_wasm.wasm.lang import at_import

__subset__ = True

PAIRS = 31
LETTER_UPPER = 1
LETTER_LOWER = 2


@at_import
def _bytes(text: str) -> bytes:
    return base64.b85decode(text)


# Combining marks that remove_diacritics drops: bits from U+0300 on.
COMBINING_FIRST = 0x300
COMBINING_LAST = 0x331
COMBINING = 0x361F808029FDF
CATEGORIES = _bytes(
    "AOjaXbT)J~F*G<dFjNczRCrVY5;Zh2H!n8=5;Zt6I0G3xG?qCuH#sLWI3zhYIXF%?B2+gnCo*m{0S`Fg0uVR?03Q<}LjNH`9}htyAtE7SK_V"
    "d{K_X#7fg(X7VPZidK_Xv4A|XN{B0(ZyA|WC{LMI_&hao5;At)jtC?fwMLLUGjLLn$3AtGTS9~2?tK_WpyAtHeye<1=rCjt`&3YP{17Y3&HC"
    "O0M*2@7anCO07>Kqg`|pjRO@VIUzOK_USOAOQga8zDkrVjlw`q9GzUAtFIS0V@J19|<|DN*@zJBEKO*A0z+)0Ukgm)F1*MAT%(5HXsWnFe@}"
    "mG)puq000LQpl4J71Ee5$R5nyu3j;JjR0kL)2LcNX3<8u#D+gONC+j3R%SKB%i$@FsXIUo{1|TFSD+d+}6F>)13j-$r1`GlR84CeMIdmqV2M"
    "&uS3jro;CaXXc2OtL#Yd|yrIVT_o0{|}z6Ci6T2QDiqD<^3S0EsI}C+i0SOH>R3G$zL&=O8OdAO`?IM?eP-Am<<_V23~}Cuxg7NkB;}CjbB`"
    "fJY!_OF#?)M^?@`HlRx>Ajg15KnD&W=O9NQM<7Q)D<El0fJ;DYU@PE<ASd7q0!wEr00T=YAO`^;XCMa-Am<=QAg4epCuyr7ODP~pD?ldz2S-"
    "al3<5MZ00%2cAO`?IM?eP-Am<=QAg4epCn+l_i$F<0Nh<&VD=C0SAZJTJ3<5bP&Hw@{Cm_dQXCQ}QM<6F4M_@-_XJ7{efJrM!U}+#}D?lf}D"
    "F6lx0&dwhIlyTk2LK>vAO{a12Ld3cU?*#dAZs9t;7cG!z(-3!3<3ZE?m0k7AO`>-XCMa;AO`{<r$8$wDJ!WUD@h<pOW;Z1Cm=^lKnwyPM*s&"
    "&AO`>-XCMb5KqqO7AZZ|JD<=Q|DF6UROF#?)&R{vmKuI763Sb8iAO`^;CqU<5D}ZThAS)mV000U}Gynt#C@V+nfHub_3jj0>0#pDUM<6FaM<"
    "6FaC%}gw=OAYwCm<(4M<9nQN6R2fCqSnlCLqf|3<5xh02n8E6bCspc}v+00uBN>D>*AUD>X4SF-ZpiAO{?P3kE5xG)t!o10V|=AQ=EF*&tc8"
    "nN$EB2O~*~Da$EKNlPaT0@TMzONVPGX-Da2iw6ZONlVEqCn*d9X)9R)9v~s0AwUNsG$sec0w9M#=O8B_hd>7*AcsH)86by1=O8B_hd>7hAO|"
    "rZhd>8AKx-5M4h&!i2pIyv2TcG2FbCuWR0jz>2NE?gU<X5VZ2$)c1t5oO00RdKYg7OM2MS971P28mXCO-e1P3fjDeDOUD@h9jbS88*Co4b<0"
    ">BOez|=65Ydjzf0>B3wCI>7400$u}C!hyD00IXUU~7p>X@E&9$!mZ)U{nkO2Npo500RdkfC&lbNx%#OE?^lN2M<eWKvV}UDJv=KAS)>=Neck"
    "U3j#nZ3<AIm0>Jbp)BsA0DF-JjDXS?fsVhn6fD8ik83GFd83ABRDF+rQi%Cl<D@jKT0tX~3DNAW9DQigp0F(zD2>=TKNlRd~3<6+h3<3uh##"
    "8_}6aWAKYcvZ5DeH$The<0(009Cd1~&o)CIT7;9Sa`-4T~Q_Ap!v(C?Ns?0RX~4!9W540RRF30RX~4!9W54AR!<jAR!<j0ssL30tP?=00;mA"
    "00;mA00;o0AVPsCHzIdpAVPsCcY;7dfgpDR0HJq4Vjx0+C|4jH1EkPYGcq+(GBq<406IIQJQM*lGL%nrI5ja812{A<6aqY?pu{dFK+bqIF(w"
    "WIcr`H~1_fXi5&#Yh1&S+b3j_cMSs|GrSt4OVVInypSvaBDAvqyAAvu9LB7q`@B3VK~xFLc$I9Vb&4hRh!AtH?~z___snK)TESvdJP85dYtI"
    "5{{O7Z`*B8333W3|RR!F&RlX85S5386emh3IGHd9{>><0{{&UG#N$?4jHcjI2i#r87>$A8D}^dhyfrOUo|l`F*PwYF*PwYF*Pv`78xYCH8B_"
    "$H8C|YH8C|YH8B_n8TbJhdo?jNF*PwYF*PwYF*PwYF*PwYF*Pw5H#IReF&G#%F&O#*87LSHS=eA10sx)?0Vf~=Cm<mrVM2d_A|XN{!bV{tA1"
    "EP0*<WiRBA}EmR019#BA_Bb2Qc6!Gyn!G2M+)N=OE`G=OE`G=OE`G=OE`G3m8;0GBYxCGcq(YG86$YR4_C%GE_4%H8C|YH8C|Yv?de+Pyjp`"
    "5+E5-00bG%0RR#i1b{qrIVLA9H8C|YH8C|YH8EK=F*PwYF*PwTHBmVY0gFj6rde$!Cp1|g2TnjsS4Jl=2U0X<C!hx*U<XzpS&kV32NR$f8~_"
    "9d2pJb34gwh#4gfh02N@U+0vR6;2N^dY8TbJw0IV}700J2}Cji5v0Ve<}2Ms0%?+9QSF8~1tAjVV&gaRgX2M7!TM*s{T4<{>XGz$VWCLaXgD"
    "+fLe0!!2Y02dDi0axE4VjmYK0svn@BA+H#Um#xq1iv8wMMfg$D`zW*D+dorODUOv&RI4&zy~ap002n`DhUWH00C4C0>BFj$8;xv3<3uf3jkC"
    "H4+{fH00T4!6<}*A2PZ2@i%Bbq6a^qA3<7{u02l`$%SlT~O8^09D+d58DL@PYK$HgvCdYXvDS!tkD<^A5OQ%aGD<=RDM<!GU11U>MR3}C$D*"
    "yt=K*vDG00HM9=KzTT2OCK%Nh?V-DJwt>0>CE#npY<P1P2d*2Ppvj4<!KhF(n7)0ze0103PB11frlPD+dBN2L&LfASWP4AV(kvWEThk2?yf>"
    "H8B7P2RJ|nE&w101U5N93kdWzF*LyI00A^mPc<<$F*PwYF*PwYF*PwYF;q1%ly7t(lrS|hH8C|YbT}}0AT%~qfTth_e?TN4bT)J~F*G<dFjN"
    "czRCrVY5;Zh2H!n8=5;Zt6I5jaeH8E5N0wxC~Mh6#Q$3VwG$3SObRya2~Rv<Z;SpWiLnFj<Q2NEC$3m``z2M0h01^^ldbD(s94kch20SzsV8"
    "3`_+83X_<86_(KdIuF?2Ppt22NxiY00ajKEe8NC04)a=AT$RYfCm6HtpFkcAOau<MnDV#0L})-KqnvvBp^p%CqM@eAT$mD0GI&>4$fdS2NIw"
    "(05}IQz()W$Cu<-}po@nfXCMa?fNOv&4gdfE6anA|6;3n&cn2<E^al<=4gd!Wpbh{4cn3iMj|2`E0QmwbD=7yp3kURo4h#$e00>Jd2PJ8XNl"
    "R2DlmG??5#S60z-tE_t0@ZrAPfSO05nS}2PkO^0ZE6H;0yu)o(TsdD=8~U%PA`W01N^Et`Z051^|fx4O;*OlmLVm2d4-C$!7<#1OUGY2R#4-"
    "CkZA12#W><0N8*5M*#Le8SVi90vR7b88k_2dC3F-3jkT`85WBfC;%E6I%_!qvH=-S009mP0EPhp5&{wd65=2N3IP%V5+NW#Kp{XuK!G3u0D>"
    "SQAmShb0|62O5<wt=Kmh<C;UEGMK_G!3p&%h(;UEGM0TKcd0TKcd0TKcd0TKcd0TKcd0TKcfKmidr0ueaE0TDO?5jesD5jX-7IKlxDI06wk!"
    "T}LD0ueaEAtFEwDggK^had+NAV(l4Kqnvv0w9MVCm<)lCx9m)Cm<&vXCOx)CqO44Cm<&vCm<&vM<6Fahal%5haiU_Cm;s`AO{JcXCS8_2MGW"
    "ySOA6s86<!iTmS?a2S6DHKp6)h83zCu4g;VW7a$olfEgnILm3qS1sNlt83Eu~0Hy&M82|^_AQ?Vj84Lgf866<G01X)l00$X2AUPlzt^pvKU>"
    "P<*nE(VC5CDq-89sm+0{|!)J^(TqYygB2CjiaO0w(|=CjhG;CjbK{0Mr2|0NQ^CmIMIXi!3An76e!TcnjzO0EqkpB>?pQ10?|Z{{s"
)
FOLDS = _bytes(
    "K{P;g0*(v|E<hL#KqxT+G6w<&5dsk}0xkmc0RaaB1_GG`0s^E10R;jC0-OT@0s;aAngap?0s{h`0RaM(0|5e-0|5d80s@)?0Ro-_0s^K30Ro"
    "}}0RjR90;U520;&T70;~f82Lc8Hv;zSG0s;cG0|NpA0s^!H0RjR71hNAH1p)*DwgUkI0t5mA2m%BF0s;a81OWm90s;g969N+x0uurR0R;jC0"
    ">c3T0&xK;0w@B70s<2P7y{O)0RaL60s_YZ0Rqsd0RsX80s@Bv0RoBv0RoNz0Sf~E0Rrd&D+K}u0s;^MOacZ<1Ok8o0t9{oB0v%nKpz4E4FV7"
    "W0zCl&GXw%30Rk-o83GsrZ2<yd0|I#g0)YVn0s;a84*>!K0|tcx10bLQ5I{gsBLXTn0yY930S^KXSps29VDA=8z;P!6z;Olwz;Ux0mjMEs0R"
    "nXc0{?abVFG9n5fBU!5D*a%5D^dz5fKRy4-gR`5D^d%5fBg&5Cjnd1eE~-0uurPi*O1EtpNlA6AT0q0tCqc4g?Vb1mOV!0uKxXfdT>q{Q&|3"
    "6RH9NyLAKt|AGMl0*!$I2Ld=QARr?G0<#7*G|CQMU|<3Q0s`-+0RaNdI{^aErvU>80tN!Pr~v^2`=<c`0>7vM0Rp|K0RjR70|EjG1plZ30%Z"
    "bg1p)^G0?zUQF9JXr0-^yA0uVm}M+E`|0*R;u0Sf{R0s;a8(Ub)P1p*KY0ty0&l?C^%0W?702~bb"
)
MARKED = _bytes(
    "-~kL_2LfXO2xSBaX$1mq0Sa#i2z3Mnc?1Vx1_@&b0%QaWWeN#r2m)vX326rcX$1mm0s?CT2W$!lZV3l(2nTWo33CVqbOsG|3<7ro0(k=mdM5"
    "&J4+3=_0$~CIX#xUo0s?gc3H1pA;Rpg}0s?CS0&fBW?*jsA1p;RT0&W5V;RXd^1O;UT1!)8YZv+K$1O;^j0&@ZabOZuu2m)aO0%ZaP?*syG0"
    "s`*>0(s6i0$~CNVg>@^0t;jc1?2<<Wds7{0s>|N0%rmXXbJ*p0s`p*2WtibYytx80tIXY2W<ukZU_nQ2nBEi1#$!e@&W>K0tIsf2lECAbO;A"
    "^1_kv51$G1rcM1h~1Oj;i2YLkpXaNFr0Rndc0(l4pVFVT76bEGn3*`z0X#@pt1QqWT1$6`q^$H1j"
)
